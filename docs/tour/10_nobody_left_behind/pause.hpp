// Some time, in a job.
#pragma once

#include "../09_stop/job.hpp"

namespace tour {

// co_await pause(l, 10): at least so many milliseconds.
struct pause final : stoppable, timer {
  pause(timed_loop& l, int ms) : of(l), duration(std::int64_t{ms} * 1'000'000) {
    fired = [](timer& t) { static_cast<pause&>(t).waits_->wake(); };
  }
  void await_resume() const {}
  void let_go() override {
    unlink();
    waits_->wake_stopped();
  }

 private:
  void begin() override { of.timers.arm(*this, of.now() + duration); }
  timed_loop& of;
  std::int64_t duration;
};

}  // namespace tour
