// Says so when calls in threads hold up the end of a run (run_options::thread_patience). What a
// thread touches may belong to the tasks, so they are kept and waited for all the same.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/timers.hpp>

namespace rondo::detail {

class thread_patience : private timer {
 public:
  explicit thread_patience(nanoseconds limit) noexcept : timer(&ran_out), limit_(limit) {}

  // The end has been asked for: what is in threads after `limit` from now is reported, once.
  void end_is_due() noexcept;
  // The run has ended.
  void ended() noexcept;

 private:
  static void ran_out(timer& t) noexcept;
  nanoseconds limit_;  // max(): nothing is to be reported, or it has been
};

}  // namespace rondo::detail
