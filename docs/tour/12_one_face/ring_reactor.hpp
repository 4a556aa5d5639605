// The ring of chapter 11, behind the one face.
#pragma once

#include "../11_io_uring/ring.hpp"
#include "epoll_reactor.hpp"

namespace tour {

// begin ring
class ring_reactor final : public kernel_reactor {
 public:
  ring_reactor() : kernel_reactor(0) {}

  void start(operation& op) override { ring_.start(op); }
  void cancel(operation& op) override { ring_.cancel(op); }
  void wait(std::int64_t until) override {
    const std::int64_t left = std::max(until - read_now(), std::int64_t{0});
    __kernel_timespec limit{left / 1'000'000'000, left % 1'000'000'000};
    ring_.enter(until == INT64_MAX ? nullptr : &limit);
    ring_.call_completed();
  }
  long calls() const override { return calls_ + ring_.enters(); }

 private:
  ring ring_;
};
// end ring

}  // namespace tour
