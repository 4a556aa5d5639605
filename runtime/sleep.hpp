// sleep_for, sleep_until, yield_now.
#pragma once

#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

namespace rondo {
namespace detail {

class [[nodiscard("without co_await nothing happens")]] sleep_wait final : public wait_base,
                                                                           private timer {
 public:
  explicit sleep_wait(nanoseconds after) noexcept
      : timer(&fired), relative_(true), when_(after.count()) {}
  explicit sleep_wait(time_point when) noexcept
      : timer(&fired), relative_(false), when_(when.time_since_epoch().count()) {}

  bool begin(job& j) noexcept override;
  void cancel(job& j) noexcept override;
  void describe(wait_visitor& v) const override { v.waits_for("a time"); }
  void await_resume() const noexcept {}

 private:
  static void fired(timer& t) noexcept { static_cast<sleep_wait&>(t).job_->wake(); }

  bool relative_;
  std::int64_t when_;
  job* job_ = nullptr;
};

class [[nodiscard("without co_await nothing happens")]] yield_wait final : public wait_base {
 public:
  bool begin(job& j) noexcept override {
    if (!j.stops_here()) j.yield();
    return false;
  }
  void cancel(job&) noexcept override {}  // never waiting: a job that yields is ready
  void await_resume() const noexcept {}
};

}  // namespace detail

// Completes when `d` has passed, never earlier; at once, but through the loop, when d <= 0. A
// duration too long to count sleeps until cancelled. Cancellation: stops at once. Allocates
// nothing.
template <class Rep, class Period>
detail::sleep_wait sleep_for(std::chrono::duration<Rep, Period> d) noexcept {
  return detail::sleep_wait(detail::saturate(d));
}
template <class Duration>
detail::sleep_wait sleep_until(
    std::chrono::time_point<std::chrono::steady_clock, Duration> tp) noexcept {
  return detail::sleep_wait(detail::saturate(tp));
}

// Lets every other ready task take its turn. A cancellation point.
inline detail::yield_wait yield_now() noexcept { return {}; }

}  // namespace rondo
