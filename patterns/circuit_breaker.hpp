// circuit_breaker: stops calling what keeps failing, and tries it again with a few probes.
//
//   circuit_breaker breaker(circuit_breaker::options().consecutive_failures(5).open_for(60s));
//   outcome<reply> o = co_await breaker.run(fetch, url);   // a rejection is an outcome
//   reply r = co_await breaker(fetch, url);                // throws `rejected`
//
// One object is shared by all calls to one callee, on one loop's thread, and must outlive them; for
// several loops there is shared_circuit_breaker.
//
//   state      a call is                             left for
//   ---------  ------------------------------------  ---------------------------------------------
//   closed     admitted                              open: too many failures, or slow calls
//   open       refused (circuit_open)                half_open: by the first call after its time
//   half_open  admitted while a probe's place is     closed: every permitted probe succeeded
//              free, else refused (probe_busy)       open: one failed, or was slow
//   isolated   refused (isolated)                    what it covers, with the last isolation handle
//
// Too many is so many in a row, or a share of the last calls, or of those of the last seconds
// (circuit_breaker_options.hpp).
//
// An admitted call holds a permit and settles it with a verdict, once. A permit given in an earlier
// state is stale: it is counted and changes nothing. One that is dropped (the call was cancelled)
// is neutral: a probe's place is free again. A probe that has not settled within its lease may lose
// its place to another caller; its own result is then stale. Admitting and settling never suspend
// and take their time from the caller, so the state machine works, and is tested, without a loop.
// Failing closed → open is Nygard's pattern ("Release It!", 2007).
#pragma once

#include <rondo/patterns/parts/call_window.hpp>
#include <rondo/patterns/parts/circuit_breaker_options.hpp>
#include <rondo/patterns/parts/circuit_permit.hpp>
#include <rondo/patterns/policy.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace rondo {

class circuit_breaker : public policy<circuit_breaker> {
 public:
  using time_point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
  using state = circuit_state;
  using transition = circuit_transition;
  using options = circuit_breaker_options;
  // Since the breaker was made. Every admitted call ends as one of the four: success, failure,
  // neutral, stale.
  struct counts {
    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::uint64_t neutral = 0;
    std::uint64_t stale = 0;   // of an earlier state, and of probes that had lost their place
    std::uint64_t slow = 0;    // among the successes and failures
    std::uint64_t opened = 0;  // times it went to open
  };
  using permit = detail::circuit_permit<circuit_breaker>;
  using isolation = detail::circuit_isolation<circuit_breaker>;
  class layer;
  static constexpr auto kind = detail::policy_kind::circuit_breaker;

  // Throws std::invalid_argument for options that contradict each other.
  circuit_breaker();
  circuit_breaker(
      options o);  // NOLINT(google-explicit-constructor): circuit_breaker b = options()…
  // For a state machine without a loop.
  circuit_breaker(options o, time_point now);
  circuit_breaker(const circuit_breaker&) = delete;
  circuit_breaker& operator=(const circuit_breaker&) = delete;
  // Destroying it while a permit or an isolation is alive ends the program.
  ~circuit_breaker();

  // For calls that run() does not fit. The permit is false when the call is refused.
  [[nodiscard]] permit admit(time_point now) noexcept;
  [[nodiscard]] permit admit() noexcept;

  // Refuses every call while a handle is alive; calls that were admitted go on and count.
  [[nodiscard]] isolation isolate() noexcept;
  // Closed, with nothing counted; permits given before are stale. Does not end an isolation.
  void reset() noexcept;

  // As of the last call: an open breaker whose time is over says open until somebody calls.
  state current() const noexcept { return isolations_ > 0 ? state::isolated : state_; }
  const counts& totals() const noexcept { return counts_; }
  // How long it has been in a state, altogether, until `now`.
  std::chrono::nanoseconds time_in(state s, time_point now) const noexcept;
  // When the current state began.
  time_point since() const noexcept { return since_; }
  // Of an open breaker: when it will admit a probe.
  time_point open_until() const noexcept { return open_until_; }
  // Permits not settled yet.
  std::uint64_t in_use() const noexcept {
    return counts_.admitted - counts_.successes - counts_.failures - counts_.neutral -
           counts_.stale;
  }
  // For keyed: nothing is lost by a new one when it is closed; little when it would admit a call.
  detail::replaceable replaceable(time_point now) const noexcept {
    return in_use() > 0 ? detail::replaceable::no : replaceable_state(now);
  }

 private:
  friend class shared_circuit_breaker;
  friend permit;
  friend isolation;
  // A place for a probe while half open.
  struct probe {
    std::uint64_t holder = nobody;
    time_point lease_end{};
  };
  static constexpr std::uint64_t nobody = 0;
  static constexpr std::uint64_t succeeded = UINT64_MAX;

  template <class T>
  verdict judge(const outcome<T>& r) const {
    return r.has_value() && !settings_.classifier ? verdict::success
                                                  : judge_rarely(detail::call_result(r));
  }
  verdict judge_rarely(const detail::call_result& r) const;
  detail::replaceable replaceable_state(time_point now) const noexcept {
    if (isolations_ > 0) return detail::replaceable::no;
    if (state_ == state::closed) return detail::replaceable::yes;
    return now < open_until_ ? detail::replaceable::no : detail::replaceable::reluctantly;
  }
  permit refuse(rejection r) noexcept;
  permit admit_open(time_point now) noexcept;
  permit admit_probe(time_point now) noexcept;
  void settle(const permit& p, verdict v, time_point now) noexcept;
  void settle_rarely(const permit& p, verdict v, time_point now) noexcept;
  void settle_probe(const permit& p, verdict v, bool slow, time_point now) noexcept;
  void record(verdict v, bool slow, time_point now) noexcept;
  void enter(state to, time_point now) noexcept;
  void changed(state before, circuit_cause why, time_point now) noexcept;
  void deliver(const transition& t) noexcept;
  void end_isolation() noexcept;

  state state_ = state::closed;
  bool publishing_ = false;
  bool tells_ = true;  // false: whoever it is part of tells of its changes
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t isolations_ = 0;
  std::uint64_t generation_ = 1;  // of the state; what permits given in it carry
  // The generation while closed, if nothing but failures in a row counts; else nobody's.
  std::uint64_t simple_generation_ = nobody;
  std::uint64_t last_ticket_ = 1;
  counts counts_;
  time_point open_until_{};
  time_point since_;
  std::array<std::chrono::nanoseconds, 4> spent_{};  // in each state, until since_
  std::vector<probe> probes_;
  std::vector<transition> unpublished_;  // made by a listener, while it was being told of another
  detail::call_window window_;
  detail::circuit_settings settings_;
};

// --- implementation -----------------------------------------------------------------------------

inline circuit_breaker::permit circuit_breaker::admit(time_point now) noexcept {
  if (state_ != state::closed || isolations_ > 0) [[unlikely]]
    return admit_open(now);
  ++counts_.admitted;
  return {*this, generation_, permit::no_place, now};
}

inline circuit_breaker::permit circuit_breaker::admit() noexcept {
  return admit(detail::policy_now());
}

inline void circuit_breaker::settle(const permit& p, verdict v, time_point now) noexcept {
  if (p.ticket_ != simple_generation_ || v != verdict::success) [[unlikely]] {
    settle_rarely(p, v, now);
    return;
  }
  ++counts_.successes;
  failures_in_a_row_ = 0;
}

// A call's part in it: a permit, in parts, so that it is not moved about.
class circuit_breaker::layer {
 public:
  explicit layer(circuit_breaker& b) noexcept : breaker_(b) {}
  layer(const layer&) = delete;
  layer& operator=(const layer&) = delete;
  ~layer() {
    if (entered_) settle(verdict::neutral, time_point{});
  }

  admission enter(call_context& c) noexcept {
    if (breaker_.state_ != state::closed || breaker_.isolations_ > 0) [[unlikely]]
      return enter_rarely(c.now());
    ++breaker_.counts_.admitted;
    ticket_ = breaker_.generation_;
    place_ = permit::no_place;
    began_ = c.now();
    entered_ = true;
    return admission::go();
  }
  template <class T>
  void leave(call_context& c, outcome<T>& r) {
    settle(breaker_.judge(r), c.now());
  }

 private:
  admission enter_rarely(time_point now) noexcept;
  void settle(verdict v, time_point now) noexcept {
    entered_ = false;
    permit(breaker_, ticket_, place_, began_).settle(v, now);
  }

  circuit_breaker& breaker_;
  std::uint64_t ticket_ = 0;
  time_point began_{};
  std::uint32_t place_ = permit::no_place;
  bool entered_ = false;
};

}  // namespace rondo
