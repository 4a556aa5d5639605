// The loop of chapter 4, behind the one face.
#pragma once

#include "../08_time/timed_loop.hpp"
#include "../stage/calls.hpp"
#include "reactor.hpp"

namespace tour {

// What both that live in the kernel have in common.
class kernel_reactor : public reactor {
 public:
  std::int64_t now() const override { return read_now(); }
  void open_pair(int (&ends)[2]) override {
    ++calls_;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags_, 0, ends) != 0) std::abort();
  }
  void close(int fd) override {
    ++calls_;
    ::close(fd);
  }

 protected:
  explicit kernel_reactor(int flags) : flags_(flags) {}
  long calls_ = 0;

 private:
  int flags_;
};

// begin epoll
class epoll_reactor final : public kernel_reactor {
 public:
  epoll_reactor() : kernel_reactor(SOCK_NONBLOCK) {}

  void start(operation& op) override { io_.start(op); }
  void cancel(operation& op) override {
    if (!io_.withdraw(op)) return;  // it is completed already
    op.result = -ECANCELED;
    cancelled_.push_back(&op);  // and told later, as everybody is
  }
  void wait(std::int64_t until) override {
    const bool sleep = cancelled_.empty() && !io_.something_completed();
    io_.look(sleep ? milliseconds_to(until) : 0);
    io_.call_completed();
    for (operation* op : std::exchange(cancelled_, {})) op->completed(*op);
  }
  long calls() const override { return calls_ + tour::calls - before_; }
  // end epoll

 private:
  static int milliseconds_to(std::int64_t until) {
    constexpr std::int64_t ms = 1'000'000, day = 24 * 3600 * 1000 * ms;
    const std::int64_t left = std::clamp(until - read_now(), std::int64_t{0}, day);
    return static_cast<int>((left + ms - 1) / ms);
  }

  operation_loop io_;
  std::vector<operation*> cancelled_;
  long before_ = tour::calls;
};

}  // namespace tour
