// shared_rate_limiter: one rate for several threads: the thread-safe twin of rate_limiter.
//
//   shared_rate_limiter limit(rate_limiter::options(1000, 1s).burst(50).queue(100));
//   run_on_threads(8, [&](std::size_t) { return serve(limit); });   // each: co_await limit.run(…)
//
// The same integer, changed by compare-and-swap: an admission that does not wait is one such
// exchange. The threads have no line in common, so a call that must wait reserves its tokens and
// sleeps on its own loop until they are there; its time is then fixed. First come, first served by
// the order of the reservations. A reservation that is cancelled goes back as soon as nobody stands
// behind it: at once, or when those behind it have been cancelled too. Until then nobody else has
// its time: the rate is never exceeded, at most not used up.
//
// queue(n) bounds the reserved time to n intervals: n calls of one token.
#pragma once

#include <rondo/patterns/rate_limiter.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <mutex>
#include <vector>

namespace rondo {

class shared_rate_limiter : public policy<shared_rate_limiter> {
 public:
  using time_point = detail::time_point;
  class acquire_wait;
  class layer;
  static constexpr auto kind = detail::policy_kind::rate_limiter;

  shared_rate_limiter(
      const rate_limiter::options& o) noexcept;  // NOLINT(google-explicit-constructor)
  shared_rate_limiter(const shared_rate_limiter&) = delete;
  shared_rate_limiter& operator=(const shared_rate_limiter&) = delete;
  ~shared_rate_limiter() = default;

  // Throws and is cancelled as rate_limiter's. From any loop's thread.
  acquire_wait acquire(detail::amount32 n = 1);
  // From any thread, with or without a loop.
  std::optional<rejection> try_acquire(time_point now, detail::amount32 n = 1) noexcept {
    if (n > burst_) [[unlikely]]
      return rejection{rejection_reason::rate_limited, std::chrono::nanoseconds::max()};
    const std::chrono::nanoseconds wait = bucket_.take(bucket_.cost(n), now);
    if (wait == std::chrono::nanoseconds::zero()) [[likely]]
      return std::nullopt;
    return rejection{rejection_reason::rate_limited, wait};
  }
  std::optional<rejection> try_acquire(detail::amount32 n = 1) noexcept {
    return try_acquire(detail::policy_now(), n);
  }
  std::uint32_t available() const noexcept { return bucket_.tokens(detail::policy_now()); }
  // For keyed: a new one would have a full bucket.
  detail::replaceable replaceable(time_point now) const noexcept {
    return bucket_.tokens(now) == burst_ ? detail::replaceable::yes : detail::replaceable::no;
  }

 private:
  // What a cancelled call had reserved: the bucket's integer before it and with it.
  struct reservation {
    time_point before;
    time_point with;
  };
  // `ready` is when its tokens would have been there.
  void give_back(std::chrono::nanoseconds cost, time_point ready) noexcept;

  detail::gcra<detail::atomic_word> bucket_;
  std::uint32_t burst_;
  std::chrono::nanoseconds longest_wait_;
  std::mutex mutex_;  // for what follows: a call that is not cancelled never takes it
  std::vector<reservation> behind_others_;  // given up while somebody stood behind them
};

class [[nodiscard("without co_await nothing happens")]] shared_rate_limiter::acquire_wait final
    : public detail::wait_base,
      private detail::timer {
 public:
  // A turn that would not come before `until` is refused.
  acquire_wait(shared_rate_limiter& l, std::uint32_t n, time_point until = detail::never) noexcept
      : timer(&fired), limiter_(&l), tokens_(n), until_(until) {}
  bool begin(detail::job& j) noexcept override;
  void cancel(detail::job& j) noexcept override;
  void describe(detail::wait_visitor& v) const override { v.waits_for("a rate limiter"); }
  void await_resume() { take_outcome().value(); }
  outcome<void> take_outcome();
  const std::optional<rejection>& refusal() const noexcept { return refusal_; }

 private:
  static void fired(detail::timer& t) noexcept { static_cast<acquire_wait&>(t).job_->wake(); }

  shared_rate_limiter* limiter_;
  std::uint32_t tokens_;
  time_point until_;
  std::optional<rejection> refusal_;
  time_point ready_{};
  detail::job* job_ = nullptr;
};

// A call's part in it.
class shared_rate_limiter::layer {
 public:
  explicit layer(shared_rate_limiter& l) noexcept : limiter_(l) {}

  admission enter(call_context& c) noexcept {
    const auto too_soon = limiter_.try_acquire(c.now());
    if (!too_soon) [[likely]]
      return admission::go();
    if (limiter_.longest_wait_ == std::chrono::nanoseconds::zero()) return *too_soon;
    wait_.emplace(limiter_, 1, c.deadline());
    return admission::wait(*wait_);
  }
  admission resume(call_context&) noexcept {
    if (const auto& refusal = wait_->refusal()) return *refusal;
    return admission::go();
  }
  template <class T>
  void leave(call_context&, outcome<T>&) noexcept {}

 private:
  shared_rate_limiter& limiter_;
  std::optional<acquire_wait> wait_;
};

}  // namespace rondo
