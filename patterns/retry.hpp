// retry: makes a call again when it failed.
//
//   retry again = retry().max_attempts(4).backoff(backoff::exponential(50ms).full_jitter());
//   reply r = co_await again([&] { return fetch(url); });  // throws the last one's exception
//   // never throws for the call
//   outcome<reply> o = co_await again.run([&] { return fetch(url); });
//
// The function is kept and called anew for each attempt. A call made directly does not refer to the
// policy object, which may go, change or serve any number of calls at once (on one loop's thread).
//
// What is tried again: what the classifier calls a failure (verdict.hpp); without one, any
// exception, and rejections that pass by themselves (bulkhead_full, queue_timeout, rate_limited,
// limit_exceeded, throttled: the delay is then at least their retry_after). circuit_open and the
// other rejections are not. Never tried again: a cancelled call, cancelled_error, interrupted.
//
// A failed attempt is the last one, and its end the end of the call, exception and all,
//
//   when max_attempts have been made
//   when the callee asks for more patience than max_retry_after
//   when decide() says so
//   when the budget is spent
//   when the next one would not begin before total_deadline and every deadline around the caller
//
// so that nothing is slept which leads to nothing. The end of any other failed attempt is destroyed
// before the delay begins: a value that holds a connection gives it back to whoever waits for one,
// the next attempt included. Source of the whole: "Addressing Cascading
// Failures", chapter 22 of Site Reliability Engineering (2016).
#pragma once

#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/parts/retry_hooks.hpp>
#include <rondo/patterns/policy.hpp>
#include <rondo/patterns/retry_after.hpp>
#include <rondo/patterns/retry_budget.hpp>
#include <rondo/runtime/core/amount.hpp>

namespace rondo {
namespace detail {

struct retry_settings {
  std::uint64_t max_attempts = 3;
  mutable backoff delays = backoff::exponential(std::chrono::milliseconds(100)).full_jitter();
  nanoseconds total = nanoseconds::max();
  nanoseconds max_retry_after = std::chrono::seconds(60);
  classifier judge;
  delay_hook retry_after;
  delay_hook decide;
  retry_hook on_retry;
  std::shared_ptr<attempt_budget> budget;
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
  retry& max_attempts(detail::amount n) &;
  retry&& max_attempts(detail::amount n) && { return std::move(max_attempts(n)); }
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
  // How long the callee asks to be left alone: fn(end) -> std::optional of a duration, whose
  // parameter is as a classifier's (verdict.hpp). The delay is then at least that.
  // parse_retry_after reads HTTP's.
  //
  //   .retry_after([](const outcome<reply>& o) -> std::optional<nanoseconds> {
  //     return o.has_value() ? parse_retry_after(o.value().retry_after) : std::nullopt;
  //   })
  template <class F>
  retry& retry_after(F fn) & {
    settings_.retry_after = detail::delay_hook::of_end(std::move(fn));
    return *this;
  }
  template <class F>
  retry&& retry_after(F fn) && {
    return std::move(retry_after(std::move(fn)));
  }
  // When a callee (or a rejection) asks for more than `d` (60 s), there is no further attempt.
  template <class Rep, class Period>
  retry& max_retry_after(std::chrono::duration<Rep, Period> d) & noexcept {
    settings_.max_retry_after = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  retry&& max_retry_after(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(max_retry_after(d));
  }
  // Has the last word about what the classifier calls a failure: fn(const retry_step&, end) ->
  // std::optional of a duration: how long to wait before the next attempt (negative counts as
  // zero), none to give up. The end is shown as to a classifier. Attempts, budget and deadlines are
  // limits nevertheless.
  template <class F>
  retry& decide(F fn) & {
    settings_.decide = detail::delay_hook::of_step(std::move(fn));
    return *this;
  }
  template <class F>
  retry&& decide(F fn) && {
    return std::move(decide(std::move(fn)));
  }
  // Retries only while the budget allows it (retry_budget.hpp): shared with whoever else has it.
  // Throws std::invalid_argument for nullptr.
  retry& budget(std::shared_ptr<retry_budget> b) & { return share(std::move(b)); }
  retry&& budget(std::shared_ptr<retry_budget> b) && { return std::move(share(std::move(b))); }
  retry& budget(std::shared_ptr<shared_retry_budget> b) & { return share(std::move(b)); }
  retry&& budget(std::shared_ptr<shared_retry_budget> b) && {
    return std::move(share(std::move(b)));
  }
  // Counted from the start of the first attempt; no other attempt starts at or after it: a delay
  // that would end there is not begun, and the last result is returned at once. Does not interrupt
  // an attempt. The deadlines around the caller (remaining_time(), total_timeout) are heeded
  // likewise.
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
  retry& share(std::shared_ptr<detail::attempt_budget> b);

  detail::retry_settings settings_;
};

// A call's part in it.
class retry::layer {
 public:
  explicit layer(const retry& r) noexcept : settings_(r.settings_) {}
  layer(const layer&) = delete;
  layer& operator=(const layer&) = delete;
  ~layer() {
    if (booked_ != detail::never) settings_.budget->not_made(booked_);
  }

  admission enter(call_context& c) noexcept {
    attempts_ = 0;
    begun_ = c.now();
    if (delays_) delays_->reset();
    if (settings_.budget) settings_.budget->began(begun_);
    return admission::go();
  }
  template <class T>
  decision leave(call_context& c, outcome<T>& r) {
    ++attempts_;
    if (!settings_.judge) [[likely]] {
      if (r.has_value()) {
        if (settings_.budget) settings_.budget->succeeded();
        return decision::pass();
      }
      if (!settings_.budget && stays_refused(r.small())) return decision::pass();
    }
    return after_failure(c, detail::call_result(r));
  }
  // The delay is over: the next attempt begins.
  void goes_again() noexcept { booked_ = detail::never; }

 private:
  // What after_failure would find out at length: no failure, by anybody's rule.
  static bool stays_refused(const detail::small_error* e) noexcept {
    return e && e->kind == &detail::rejection_kind &&
           !detail::passes_by_itself(static_cast<rejection_reason>(e->number));
  }
  decision after_failure(call_context& c, const detail::call_result& r);
  bool comes_too_late(std::chrono::nanoseconds delay, const call_context& c) const;

  const detail::retry_settings& settings_;
  // Each call draws numbers of its own: callers that share a policy must not agree on their delays.
  std::optional<class backoff> delays_;
  std::uint64_t attempts_ = 0;
  detail::time_point begun_{};
  detail::time_point booked_ =
      detail::never;  // when the budget allowed the next attempt, until that begins
};

}  // namespace rondo
