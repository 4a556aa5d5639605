// rate_limiter: so many calls in a time, evenly or in bursts; what comes too soon waits in a line
// or is refused.
//
//   rate_limiter limit({100, 1s});  // 100 a second, 100 of them at once
//   rate_limiter api(rate_limiter::options(100, 1s).burst(5).queue(50));
//   // waits its turn; or a rejection
//   outcome<reply> o = co_await api.run([&] { return fetch(url); });
//   co_await api.acquire();  // the turn alone; throws `rejected`
//
// A token bucket: it holds `burst` tokens, one more comes every interval, a call takes one (or
// several). The state is one integer (gcra.hpp), and no timer runs while nobody waits.
//
// First come, first served: a newcomer never passes the line. Who waits has taken nothing yet, so a
// waiter that is cancelled costs nothing: those behind it move up, each to the nanosecond it would
// have had. A refusal's retry_after is exact: the same call made then is admitted, or has a place
// in the line, if nobody else comes; a nanosecond earlier it has not. In a stack, a turn that would
// come at the deadline of a policy further out, or later, is refused at once.
//
// One object serves one loop's thread at a time and must outlive its calls; for several threads see
// shared_rate_limiter.hpp.
#pragma once

#include <rondo/patterns/parts/gcra.hpp>
#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/core/timers.hpp>

#include <cstdint>
#include <optional>

namespace rondo {

class rate_limiter : public policy<rate_limiter> {
 public:
  using time_point = detail::time_point;
  class options;
  class acquire_wait;
  class layer;
  static constexpr auto kind = detail::policy_kind::rate_limiter;

  rate_limiter(const options& o) noexcept;  // NOLINT(google-explicit-constructor)
  rate_limiter(const rate_limiter&) = delete;
  rate_limiter& operator=(const rate_limiter&) = delete;
  // Destroying it while a call waits for its turn ends the program.
  ~rate_limiter();

  // Completes when `n` tokens have been taken; fails with `rejected` (as_result: without an
  // exception) when the line is full or the wait would be too long. Throws std::invalid_argument,
  // at once, for more than the burst. Cancellation: leaves the line; a token that was taken is
  // spent.
  acquire_wait acquire(detail::amount32 n = 1);
  // Takes `n` tokens without waiting and without passing the line: none, or the refusal. More than
  // the burst never come: then retry_after is the longest duration.
  std::optional<rejection> try_acquire(time_point now, detail::amount32 n = 1) noexcept {
    const nanoseconds cost = bucket_.cost(n);
    if (line_.empty() && n <= burst_) [[likely]] {
      const nanoseconds wait = bucket_.take(cost, now);
      if (wait == nanoseconds::zero()) [[likely]]
        return std::nullopt;
      return rejection{rejection_reason::rate_limited, wait};
    }
    return try_behind_line(now, n);
  }
  std::optional<rejection> try_acquire(detail::amount32 n = 1) noexcept {
    return try_acquire(detail::policy_now(), n);
  }

  // Whole tokens there now, and calls in the line.
  std::uint32_t available() const noexcept { return bucket_.tokens(detail::policy_now()); }
  std::size_t waiting() const noexcept { return waiting_; }
  // For keyed: a new one would have a full bucket.
  detail::replaceable replaceable(time_point now) const noexcept {
    return waiting_ == 0 && bucket_.tokens(now) == burst_ ? detail::replaceable::yes
                                                          : detail::replaceable::no;
  }

 private:
  using nanoseconds = std::chrono::nanoseconds;

  // Wakes whoever waits for the line's head.
  struct line_timer : detail::timer {
    explicit line_timer(rate_limiter& l) noexcept : timer(&fired), limiter(&l) {}
    static void fired(detail::timer& t) noexcept;
    rate_limiter* limiter;
  };

  std::optional<rejection> try_behind_line(time_point now, std::uint32_t n) noexcept;
  // Why a call that must wait cannot; none when there is a place in the line for it.
  std::optional<rejection> refuse(nanoseconds cost, time_point now, time_point until) noexcept;
  void join(acquire_wait& w) noexcept;
  void leave(acquire_wait& w) noexcept;
  void serve(time_point now) noexcept;

  detail::gcra<detail::plain_word> bucket_;
  detail::intrusive_list<acquire_wait> line_;
  std::uint32_t burst_;
  std::size_t waiting_ = 0;
  nanoseconds queued_{};  // the cost of all in the line
  std::size_t queue_;
  nanoseconds longest_wait_;
  line_timer timer_{*this};
};

// Every setter returns the object itself.
class rate_limiter::options {
 public:
  // `n` calls in `per`, which makes an interval of per / n between two, rounded up to whole
  // nanoseconds; the bucket holds `n` of them unless burst() says otherwise. Throws
  // std::invalid_argument when either is zero or negative, when there are more calls than
  // nanoseconds, and when a full bucket would take longer than 73 years to fill.
  template <class Rep, class Period>
  options(detail::amount32 n, std::chrono::duration<Rep, Period> per)
      : interval_(interval_of(n, detail::saturate(per))), burst_(checked_burst(n, interval_)) {}

  // How many calls may come at once after a pause: the bucket's size. 1 spaces all of them evenly.
  // Throws std::invalid_argument for 0.
  options& burst(detail::amount32 n) & {
    burst_ = checked_burst(n, interval_);
    return *this;
  }
  options&& burst(detail::amount32 n) && { return std::move(burst(n)); }
  // How many calls may wait for their turn (0).
  options& queue(detail::amount n) & noexcept {
    queue_ = n;
    return *this;
  }
  options&& queue(detail::amount n) && noexcept { return std::move(queue(n)); }
  // A call whose turn would come later than this is refused at once (no limit). Throws
  // std::invalid_argument when it is negative.
  template <class Rep, class Period>
  options& max_wait(std::chrono::duration<Rep, Period> d) & {
    longest_wait_ = checked_wait(detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  options&& max_wait(std::chrono::duration<Rep, Period> d) && {
    return std::move(max_wait(d));
  }

  std::chrono::nanoseconds interval() const noexcept { return interval_; }

 private:
  friend class rate_limiter;
  friend class shared_rate_limiter;
  using nanoseconds = std::chrono::nanoseconds;
  static nanoseconds interval_of(std::uint32_t n, nanoseconds per);
  static std::uint32_t checked_burst(std::uint32_t n, nanoseconds interval);
  static nanoseconds checked_wait(nanoseconds d);

  nanoseconds interval_;
  std::uint32_t burst_;
  std::size_t queue_ = 0;
  nanoseconds longest_wait_ = nanoseconds::max();
};

class [[nodiscard("without co_await nothing happens")]] rate_limiter::acquire_wait final
    : public detail::wait_base,
      public detail::list_node {
 public:
  // A turn that would not come before `until` is refused.
  acquire_wait(rate_limiter& l, std::uint32_t n, time_point until = detail::never) noexcept
      : limiter_(&l), tokens_(n), until_(until) {}
  bool begin(detail::job& j) noexcept override;
  void cancel(detail::job& j) noexcept override {
    limiter_->leave(*this);
    j.wake_stopped();
  }
  void describe(detail::wait_visitor& v) const override { v.waits_for("a rate limiter"); }
  void await_resume() { take_outcome().value(); }
  outcome<void> take_outcome();
  const std::optional<rejection>& refusal() const noexcept { return refusal_; }

 private:
  friend class rate_limiter;
  rate_limiter* limiter_;
  std::uint32_t tokens_;
  time_point until_;
  std::optional<rejection> refusal_;
  detail::job* job_ = nullptr;
};

// A call's part in it.
class rate_limiter::layer {
 public:
  explicit layer(rate_limiter& l) noexcept : limiter_(l) {}

  admission enter(call_context& c) noexcept {
    if (!limiter_.try_acquire(c.now())) [[likely]]
      return admission::go();
    return enter_line(c);
  }
  admission resume(call_context&) noexcept {
    if (const auto& refusal = wait_->refusal()) return *refusal;
    return admission::go();
  }
  template <class T>
  void leave(call_context&, outcome<T>&) noexcept {}

 private:
  admission enter_line(call_context& c) noexcept;
  rate_limiter& limiter_;
  std::optional<acquire_wait> wait_;
};

}  // namespace rondo
