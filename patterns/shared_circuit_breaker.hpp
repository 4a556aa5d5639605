// shared_circuit_breaker: a circuit breaker for the loops of several threads.
//
//   shared_circuit_breaker breaker(circuit_breaker::options().consecutive_failures(5));
//   run_on_threads(4, [&](std::size_t) -> task<> { … co_await breaker.run(fetch, url); … });
//
// The same states, options and promises as circuit_breaker, from any thread. While it is closed and
// nothing but failures in a row counts, a call that succeeds touches three atomics and no lock; so
// does a refusal while it is open. Everything rarer (a failure, a window, a probe) is a
// circuit_breaker behind a lock, held for some tens of nanoseconds and never while anybody else's
// code runs.
//
// The atomics mirror what the fast paths need, and are written under the lock:
//
//   closed_in_   the generation, while closed, not isolated, and simple; else 0
//   open_until_  while open and not isolated; else the beginning of time
//   streak_      failures in a row
//
// A fast call counts as having happened when it looked: whatever changes the state at the same
// moment came after it. The classifier and the listener are called on the thread of the call, the
// listener by one thread at a time, in the order of the changes.
#pragma once

#include <rondo/patterns/circuit_breaker.hpp>

#include <atomic>
#include <mutex>

namespace rondo {

class shared_circuit_breaker : public policy<shared_circuit_breaker> {
 public:
  using time_point = circuit_breaker::time_point;
  using state = circuit_state;
  using transition = circuit_transition;
  using options = circuit_breaker_options;
  using counts = circuit_breaker::counts;
  using permit = detail::circuit_permit<shared_circuit_breaker>;
  using isolation = detail::circuit_isolation<shared_circuit_breaker>;
  class layer;
  static constexpr auto kind = detail::policy_kind::circuit_breaker;

  // As circuit_breaker's.
  shared_circuit_breaker();
  shared_circuit_breaker(options o);  // NOLINT(google-explicit-constructor): as circuit_breaker
  shared_circuit_breaker(options o, time_point now);
  shared_circuit_breaker(const shared_circuit_breaker&) = delete;
  shared_circuit_breaker& operator=(const shared_circuit_breaker&) = delete;
  ~shared_circuit_breaker();

  [[nodiscard]] permit admit(time_point now) noexcept;
  [[nodiscard]] permit admit() noexcept;
  [[nodiscard]] isolation isolate() noexcept;
  void reset() noexcept;

  state current() const noexcept;
  counts totals() const noexcept;
  std::chrono::nanoseconds time_in(state s, time_point now) const noexcept;
  std::uint64_t in_use() const noexcept;
  detail::replaceable replaceable(time_point now) const noexcept;

 private:
  friend permit;
  friend isolation;
  // What `do_it` does to the breaker, behind the lock; then whoever is to be told is told.
  template <class Fn>
  auto locked(Fn do_it) noexcept;
  permit admit_rarely(time_point now) noexcept;
  void settle(const permit& p, verdict v, time_point now) noexcept;
  void settle_rarely(const permit& p, verdict v, time_point now) noexcept;
  void end_isolation() noexcept;
  void mirror() noexcept;
  void publish() noexcept;
  counts counts_now() const noexcept;

  // Read by every call, written rarely.
  alignas(64) std::atomic<std::uint64_t> closed_in_{0};
  std::atomic<std::int64_t> open_until_{INT64_MIN};
  std::atomic<std::uint32_t> streak_{0};
  // Written by every call.
  alignas(64) std::atomic<std::uint64_t> admitted_{0};
  std::atomic<std::uint64_t> successes_{0};
  std::atomic<std::uint64_t> refused_{0};

  alignas(64) mutable std::mutex mutex_;  // for all below
  bool publishing_ = false;
  std::vector<transition> changes_;  // to be told
  std::shared_ptr<detail::circuit_listener> listener_;
  circuit_breaker breaker_;
};

class shared_circuit_breaker::layer {
 public:
  explicit layer(shared_circuit_breaker& b) noexcept : breaker_(b) {}

  admission enter(call_context& c) noexcept {
    permit_.emplace(breaker_.admit(c.now()));
    if (!*permit_) [[unlikely]]
      return permit_->refusal();
    return admission::go();
  }
  template <class T>
  void leave(call_context& c, outcome<T>& r) {
    permit_->settle(breaker_.breaker_.judge(r), c.now());
  }

 private:
  shared_circuit_breaker& breaker_;
  std::optional<permit> permit_;
};

// --- implementation -----------------------------------------------------------------------------

inline shared_circuit_breaker::permit shared_circuit_breaker::admit(time_point now) noexcept {
  const std::uint64_t generation = closed_in_.load(std::memory_order_acquire);
  if (generation == circuit_breaker::nobody) [[unlikely]]
    return admit_rarely(now);
  admitted_.fetch_add(1, std::memory_order_relaxed);
  return {*this, generation, circuit_breaker::permit::no_place, now};
}

inline shared_circuit_breaker::permit shared_circuit_breaker::admit() noexcept {
  return admit(detail::policy_now());
}

inline void shared_circuit_breaker::settle(const permit& p, verdict v, time_point now) noexcept {
  if (v == verdict::success && p.ticket_ == closed_in_.load(std::memory_order_acquire) &&
      streak_.load(std::memory_order_relaxed) == 0) [[likely]] {
    successes_.fetch_add(1, std::memory_order_release);
    return;
  }
  settle_rarely(p, v, now);
}

}  // namespace rondo
