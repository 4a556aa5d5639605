// retry: makes a call again when it failed.
//
//   retry again = retry().max_attempts(4).backoff(backoff::exponential(50ms).full_jitter());
//   reply r = co_await again([&] { return fetch(url); });                 // throws what the last
//   one threw outcome<reply> o = co_await again.run([&] { return fetch(url); });   // never throws
//   for the call
//
// The function is kept and called anew for each attempt. A call in progress does not refer to the
// policy object, which may go, change or serve any number of calls at once (on one loop's thread).
//
// What is tried again: what the classifier calls a failure (verdict.hpp); without one, any
// exception, and rejections that pass by themselves (bulkhead_full, queue_timeout, rate_limited,
// limit_exceeded: the delay is then at least their retry_after). circuit_open and the other
// rejections are not. Never tried again: a cancelled call, cancelled_error, interrupted.
#pragma once

#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/sleep.hpp>

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

// The state of one call under retry.
class retry_call {
 public:
  // Each call draws numbers of its own: callers that share a policy must not agree on their delays.
  explicit retry_call(const retry_settings& s) : settings_(s) {
    settings_.delays = s.delays.branch();
  }
  void begin(time_point now) noexcept { deadline_ = add(now, settings_.total); }
  // An attempt ended with `r`: how long to wait before the next, or none when this is the end.
  std::optional<nanoseconds> delay_after(const call_result& r, time_point now);

 private:
  retry_settings settings_;
  std::uint64_t attempts_ = 0;
  time_point deadline_ = never;
};

template <class T, class F, class... Args>
task<outcome<T>> run_retry(retry_call call, F fn, Args... args) {
  call.begin(this_loop().now());
  while (true) {
    std::optional<outcome<T>> result;
    try {
      result.emplace(flatten(co_await as_result(fn(args...))));
    } catch (...) {  // the function itself threw, before there was a task
      result.emplace(std::current_exception());
    }
    const std::optional<nanoseconds> delay =
        call.delay_after(call_result(*result), this_loop().now());
    if (!delay) co_return std::move(*result);
    result.reset();
    co_await sleep_for(*delay);
  }
}

}  // namespace detail

class retry {
 public:
  // 3 attempts, exponential delays from 100 ms with full jitter, no deadline.
  retry() = default;

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

  // fn(args…) until it succeeds or there is no point: the outcome of the last attempt. A function
  // that gives an outcome (another policy's run) is judged by what is in it. Cancellation: of the
  // attempt or the delay that is going on; nothing follows. Throws nothing but what the classifier
  // throws.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(F fn, Args... args) const {
    return detail::run_retry<detail::call_value_t<F, Args...>>(detail::retry_call(settings_),
                                                               std::move(fn), std::move(args)...);
  }
  // The same, giving the value or throwing the last attempt's own exception.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(F fn, Args... args) const {
    return detail::value_of(run(std::move(fn), std::move(args)...));
  }

 private:
  detail::retry_settings settings_;
};

}  // namespace rondo
