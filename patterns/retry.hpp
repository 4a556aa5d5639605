// retry: makes a call again when it failed.
//
//   retry again = retry().max_attempts(4).backoff(backoff::exponential(50ms).full_jitter());
//   reply r = co_await again([&] { return fetch(url); });                 // throws what the last
//   one threw outcome<reply> o = co_await again.run([&] { return fetch(url); });   // never throws
//   for the call
//
// The function is kept and called anew for each attempt. A call made directly does not refer to the
// policy object, which may go, change or serve any number of calls at once (on one loop's thread).
//
// What is tried again: what the classifier calls a failure (verdict.hpp); without one, any
// exception, and rejections that pass by themselves (bulkhead_full, queue_timeout, rate_limited,
// limit_exceeded: the delay is then at least their retry_after). circuit_open and the other
// rejections are not. Never tried again: a cancelled call, cancelled_error, interrupted.
#pragma once

#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/policy.hpp>

namespace rondo {
namespace detail {

// A user's on_retry, or none. Copies share it. What it throws goes to on_unhandled.
class retry_hook {
 public:
  retry_hook() = default;
  template <class F>
  explicit retry_hook(F fn) : fn_(std::make_shared<model<F>>(std::move(fn))) {}
  void call(std::uint64_t attempt, nanoseconds delay, const call_result& r) const noexcept;

 private:
  struct callable {
    callable() = default;
    callable(const callable&) = delete;
    callable& operator=(const callable&) = delete;
    virtual ~callable() = default;
    virtual void call(std::uint64_t attempt, nanoseconds delay, const call_result& r) = 0;
  };
  template <class F>
  struct model final : callable {
    explicit model(F f) : fn(std::move(f)) {}
    void call(std::uint64_t attempt, nanoseconds delay, const call_result& r) override {
      if constexpr (std::is_invocable_v<F&, std::uint64_t, nanoseconds, std::exception_ptr>)
        fn(attempt, delay, r.error());
      else
        fn(attempt, delay, r);
    }
    F fn;
  };
  std::shared_ptr<callable> fn_;
};

struct retry_settings {
  std::uint64_t max_attempts = 3;
  mutable backoff delays = backoff::exponential(std::chrono::milliseconds(100)).full_jitter();
  nanoseconds total = nanoseconds::max();
  classifier judge;
  retry_hook on_retry;
};

}  // namespace detail

class retry : public policy<retry> {
 public:
  class layer;
  static constexpr auto kind = detail::policy_kind::retry;

  // 3 attempts, exponential delays from 100 ms with full jitter, no deadline.
  retry() = default;
  // A copy has the same settings, and random numbers of its own.
  retry(const retry& other);
  retry& operator=(const retry& other);
  retry(retry&&) noexcept = default;
  retry& operator=(retry&&) noexcept = default;
  ~retry() = default;

  // How many calls at most, the first included. Throws std::invalid_argument for 0.
  retry& max_attempts(std::uint64_t n) &;
  retry&& max_attempts(std::uint64_t n) && { return std::move(max_attempts(n)); }
  // The delays between attempts. Each call starts from the first and draws random numbers of its
  // own.
  retry& backoff(class backoff b) & noexcept;
  retry&& backoff(class backoff b) && noexcept { return std::move(backoff(b)); }
  // What counts as a failure, and so is tried again: a classifier (verdict.hpp).
  template <class F>
  retry& retry_if(F fn) & {
    settings_.judge = detail::classifier(std::move(fn));
    return *this;
  }
  template <class F>
  retry&& retry_if(F fn) && {
    return std::move(retry_if(std::move(fn)));
  }
  // Called before each delay: fn(attempt that failed: 1, 2, …, the delay, its error as
  // std::exception_ptr; null when a value was judged a failure). With `const auto&` as the last
  // parameter it gets the end itself (code(), error()), and no exception is made. What it throws
  // goes to on_unhandled.
  template <class F>
  retry& on_retry(F fn) & {
    settings_.on_retry = detail::retry_hook(std::move(fn));
    return *this;
  }
  template <class F>
  retry&& on_retry(F fn) && {
    return std::move(on_retry(std::move(fn)));
  }
  // Counted from the start of the first attempt; no other attempt starts at or after it: a delay
  // that would end there is not begun, and the last result is returned at once. Does not interrupt
  // an attempt.
  template <class Rep, class Period>
  retry& total_deadline(std::chrono::duration<Rep, Period> d) & noexcept {
    settings_.total = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  retry&& total_deadline(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(total_deadline(d));
  }

 private:
  detail::retry_settings settings_;
};

// A call's part in it.
class retry::layer {
 public:
  explicit layer(const retry& r) noexcept : settings_(r.settings_) {}

  admission enter(call_context& c) noexcept {
    attempts_ = 0;
    if (delays_) delays_->reset();
    if (settings_.total != detail::nanoseconds::max())
      deadline_ = detail::add(c.now(), settings_.total);
    return admission::go();
  }
  template <class T>
  decision leave(call_context& c, outcome<T>& r) {
    if (r.has_value() && !settings_.judge) [[likely]]
      return decision::pass();
    return after_failure(c, detail::call_result(r));
  }

 private:
  decision after_failure(call_context& c, const detail::call_result& r);

  const detail::retry_settings& settings_;
  // Each call draws numbers of its own: callers that share a policy must not agree on their delays.
  std::optional<class backoff> delays_;
  std::uint64_t attempts_ = 0;
  detail::time_point deadline_ = detail::never;
};

}  // namespace rondo
