#include <rondo/runtime/sleep.hpp>

namespace rondo::detail {

bool sleep_wait::begin(job& j) noexcept {
  if (j.stops_here()) return false;
  if (relative_ && when_ <= 0) {  // no timer: its turn comes when the others had theirs
    j.yield();
    return false;
  }
  timer_wheel& timers = this_core().timers();
  if (relative_)
    timers.arm(*this, nanoseconds(when_));
  else
    timers.arm(*this, time_point(nanoseconds(when_)));
  job_ = &j;
  j.wait_on(*this);
  return false;
}

void sleep_wait::cancel(job& j) noexcept {
  this_core().timers().disarm(*this);
  j.wake_stopped();
}

}  // namespace rondo::detail
