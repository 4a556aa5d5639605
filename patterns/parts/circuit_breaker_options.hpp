// What a circuit breaker is told: when to open, for how long, how to try again, and whom to tell.
//
//   circuit_breaker::options()  // half of the last 100 calls failed, of 20 at
//       .failure_rate(0.5).count_window(100, 20)      // least
//       .slow_calls(2s, 0.8)                          // or four fifths took longer than 2 s
//       .open_for(backoff::exponential(1s).cap(60s).equal_jitter())
#pragma once

#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/parts/call_window.hpp>
#include <rondo/patterns/verdict.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace rondo {

enum class circuit_state : std::uint8_t { closed, open, half_open, isolated };

// What made a breaker change its state.
enum class circuit_cause : std::uint8_t {
  failures_in_a_row,
  failure_rate,
  slow_rate,
  probe_failed,  // or was slow
  probes_succeeded,
  time_over,  // of being open; a call came
  isolated,
  released,  // the last isolation handle went
  reset
};

struct circuit_transition {
  circuit_state from;
  circuit_state to;
  circuit_cause why;
  detail::time_point at;
};

namespace detail {

struct circuit_listener {
  circuit_listener() = default;
  circuit_listener(const circuit_listener&) = delete;
  circuit_listener& operator=(const circuit_listener&) = delete;
  virtual ~circuit_listener() = default;
  virtual void tell(const circuit_transition& t) = 0;
};
template <class F>
struct circuit_listener_model final : circuit_listener {
  explicit circuit_listener_model(F f) : fn(std::move(f)) {}
  void tell(const circuit_transition& t) override { fn(t); }
  F fn;
};

struct circuit_settings {
  static constexpr double no_rate = 2;  // more than all

  std::optional<std::uint32_t> consecutive_failures;  // 0: does not count; see the options
  double failure_rate = no_rate;
  double slow_rate = no_rate;
  nanoseconds slow_after = nanoseconds::max();
  std::uint32_t window_calls = 0;
  nanoseconds window_time{};
  std::uint32_t at_least = 20;
  backoff open_for = backoff::constant(std::chrono::seconds(60));
  std::uint32_t probes = 1;
  nanoseconds probe_lease = std::chrono::seconds(30);
  detail::classifier classifier;
  std::shared_ptr<circuit_listener> listener;

  // Fills in what was left open. Throws std::invalid_argument for what cannot be meant.
  void complete();
  call_window window() const;
};

}  // namespace detail

// Every setter returns the object itself, and throws std::invalid_argument for a value that makes
// no sense alone; values that contradict each other are refused when the breaker is made.
class circuit_breaker_options {
 public:
  // So many failures in a row open it: 5 if nothing else opens it, else none unless told. Refuses
  // 0.
  circuit_breaker_options& consecutive_failures(detail::amount32 n) &;
  circuit_breaker_options&& consecutive_failures(detail::amount32 n) && {
    return std::move(consecutive_failures(n));
  }
  // This share of the window's calls opens it. Above 0, at most 1.
  circuit_breaker_options& failure_rate(double share) &;
  circuit_breaker_options&& failure_rate(double share) && { return std::move(failure_rate(share)); }
  // A call that takes longer than `d`, however it ends, is slow; this share of slow calls opens it,
  // and so does a slow probe. Calls that were cancelled do not count.
  template <class Rep, class Period>
  circuit_breaker_options& slow_calls(std::chrono::duration<Rep, Period> d, double share) & {
    return set_slow(detail::saturate(d), share);
  }
  template <class Rep, class Period>
  circuit_breaker_options&& slow_calls(std::chrono::duration<Rep, Period> d, double share) && {
    return std::move(slow_calls(d, share));
  }
  // Shares are taken of the last `calls` calls, once there were `at_least`. The window that is used
  // when none is chosen: 100 calls, 20 at least.
  circuit_breaker_options& count_window(std::uint32_t calls, std::uint32_t at_least = 20) &;
  circuit_breaker_options&& count_window(std::uint32_t calls, std::uint32_t at_least = 20) && {
    return std::move(count_window(calls, at_least));
  }
  // Shares are taken of the calls that ended in the last `d` (10 s is usual), in ten parts, once
  // there were `at_least`: a call counts for at least nine tenths of `d` and at most all of it.
  template <class Rep, class Period>
  circuit_breaker_options& time_window(std::chrono::duration<Rep, Period> d,
                                       std::uint32_t at_least = 20) & {
    return set_time_window(detail::saturate(d), at_least);
  }
  template <class Rep, class Period>
  circuit_breaker_options&& time_window(std::chrono::duration<Rep, Period> d,
                                        std::uint32_t at_least = 20) && {
    return std::move(time_window(d, at_least));
  }
  // How long it stays open (60 s). A negative time is none.
  template <class Rep, class Period>
  circuit_breaker_options& open_for(std::chrono::duration<Rep, Period> d) & noexcept {
    settings_.open_for = backoff::constant(d);
    return *this;
  }
  template <class Rep, class Period>
  circuit_breaker_options&& open_for(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(open_for(d));
  }
  // How long it stays open the first time, and after each probe that failed: jitter keeps breakers
  // that opened together from probing together. Starts again when it has closed.
  circuit_breaker_options& open_for(backoff b) & noexcept {
    settings_.open_for = b;
    return *this;
  }
  circuit_breaker_options&& open_for(backoff b) && noexcept { return std::move(open_for(b)); }
  // How many calls half open admits, and how many of them must succeed: all (1). Refuses 0.
  circuit_breaker_options& probes(detail::amount32 n) &;
  circuit_breaker_options&& probes(detail::amount32 n) && { return std::move(probes(n)); }
  // How long a probe keeps its place when another caller wants it (30 s). Above 0.
  template <class Rep, class Period>
  circuit_breaker_options& probe_lease(std::chrono::duration<Rep, Period> d) & {
    return set_probe_lease(detail::saturate(d));
  }
  template <class Rep, class Period>
  circuit_breaker_options&& probe_lease(std::chrono::duration<Rep, Period> d) && {
    return std::move(probe_lease(d));
  }
  // What counts as a failure: a classifier (verdict.hpp).
  template <class F>
  circuit_breaker_options& classify(F fn) & {
    settings_.classifier = detail::classifier(std::move(fn));
    return *this;
  }
  template <class F>
  circuit_breaker_options&& classify(F fn) && {
    return std::move(classify(std::move(fn)));
  }
  // fn(const circuit_transition&), after each change of state, in order. It may use the breaker,
  // whose changes are then told when it has returned; what it throws goes to on_unhandled.
  template <class F>
  circuit_breaker_options& on_transition(F fn) & {
    settings_.listener = std::make_shared<detail::circuit_listener_model<F>>(std::move(fn));
    return *this;
  }
  template <class F>
  circuit_breaker_options&& on_transition(F fn) && {
    return std::move(on_transition(std::move(fn)));
  }

 private:
  friend class circuit_breaker;
  friend class shared_circuit_breaker;
  circuit_breaker_options& set_slow(detail::nanoseconds d, double share);
  circuit_breaker_options& set_time_window(detail::nanoseconds d, std::uint32_t at_least);
  circuit_breaker_options& set_probe_lease(detail::nanoseconds d);
  detail::circuit_settings settings_;
};

}  // namespace rondo
