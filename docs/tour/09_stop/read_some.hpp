// Waiting for bytes, in a job.
#pragma once

#include "job.hpp"

namespace tour {

// begin read
struct read_some final : stoppable, operation {
  read_some(loop& l, int from, char* to, std::size_t n) : of(l) {
    fd = from;
    buffer = to;
    size = n;
    completed = [](operation& op) { static_cast<read_some&>(op).waits_->wake(); };
  }
  ssize_t await_resume() const {
    if (result < 0) throw io_error{"recv", static_cast<int>(-result)};
    return result;
  }
  void let_go() override {
    if (of.withdraw(*this)) waits_->wake_stopped();
    // Else the bytes have been taken from the socket: the job is woken, and gets them.
  }

 private:
  void begin() override { of.start(*this); }
  loop& of;
};
// end read

}  // namespace tour
