// throttle: stops sending most of what an overloaded callee would turn away anyway.
//
//   throttle t;
//   outcome<reply> o = co_await t.run([&] { return fetch(url); });   // throttled is an outcome
//
// A server that refuses calls still pays for refusing them. Over a window, the client counts its
// calls and those that the server accepted, and refuses a new call itself with the probability
//
//   p = max(0, (requests − K · accepts) / (requests + 1))
//
// With K = 2 nothing is refused while at least half of the calls are accepted; with all refused,
// about one call a window still tries. Calls that are refused here count as requests, those that
// are on their way do not count yet: a burst of first calls is not held against itself. Source:
// "Handling Overload", chapter 21 of Site Reliability Engineering (2016).
//
// One object is shared by the calls to one callee, on one loop's thread, and must outlive them.
#pragma once

#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/core/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rondo {

class throttle : public policy<throttle> {
 public:
  using time_point = detail::time_point;
  class options;
  class layer;
  static constexpr auto kind = detail::policy_kind::throttle;

  // With the default options.
  throttle();
  throttle(options o);  // NOLINT(google-explicit-constructor)
  throttle(const throttle&) = delete;
  throttle& operator=(const throttle&) = delete;
  ~throttle() = default;

  // For calls that run() does not fit: false when the call must not be made; otherwise settle()
  // tells how it ended. A call that is never settled, or neutral, counts for nothing.
  [[nodiscard]] bool admit(time_point now) noexcept;
  void settle(verdict v, time_point now) noexcept;

  // p, as of now.
  double rejection_probability(time_point now) noexcept;
  // For keyed: a new one would send everything to a callee that turns calls away.
  detail::replaceable replaceable(time_point) const noexcept {
    return probability() > 0 ? detail::replaceable::reluctantly : detail::replaceable::yes;
  }
  // Calls refused since it was made.
  std::uint64_t refused() const noexcept { return refused_; }

 private:
  static constexpr std::size_t slices = 10;
  struct slice {
    std::uint64_t requests = 0;
    std::uint64_t accepts = 0;
  };

  template <class T>
  verdict judge(const outcome<T>& r) const {
    return r.has_value() && !classifier_ ? verdict::success : judge_rarely(detail::call_result(r));
  }
  verdict judge_rarely(const detail::call_result& r) const;
  // Lets go of the slices that have left the window.
  void advance(time_point now) noexcept {
    if (now >= slice_end_) [[unlikely]]
      turn(now);
  }
  void turn(time_point now) noexcept;
  double probability() const noexcept;
  bool refuse(time_point now) noexcept;

  double multiplier_;
  std::chrono::nanoseconds slice_length_;
  std::optional<std::uint64_t> seed_;
  detail::classifier classifier_;
  std::array<slice, slices> ring_{};
  slice sum_;  // of all slices
  std::size_t current_ = 0;
  time_point slice_end_ = time_point::min();
  std::uint64_t refused_ = 0;
  std::optional<detail::random_source> random_;
};

// Every setter returns the object itself.
class throttle::options {
 public:
  // K (2): lower is stricter. Throws std::invalid_argument unless it is finite and at least 1.
  options& multiplier(double k) &;
  options&& multiplier(double k) && { return std::move(multiplier(k)); }
  // What is looked back on (2 min); it moves in tenths. Throws std::invalid_argument for less than
  // 10 ns.
  template <class Rep, class Period>
  options& window(std::chrono::duration<Rep, Period> d) & {
    return set_window(detail::saturate(d));
  }
  template <class Rep, class Period>
  options&& window(std::chrono::duration<Rep, Period> d) && {
    return std::move(window(d));
  }
  // The same seed refuses the same calls.
  options& seed(std::uint64_t n) & noexcept {
    seed_ = n;
    return *this;
  }
  options&& seed(std::uint64_t n) && noexcept { return std::move(seed(n)); }
  // What counts as not accepted: a classifier's failures (verdict.hpp).
  template <class F>
  options& classify(F fn) & {
    classifier_ = detail::classifier(std::move(fn));
    return *this;
  }
  template <class F>
  options&& classify(F fn) && {
    return std::move(classify(std::move(fn)));
  }

 private:
  friend class throttle;
  options& set_window(std::chrono::nanoseconds d);

  double multiplier_ = 2;
  std::chrono::nanoseconds window_ = std::chrono::minutes(2);
  std::optional<std::uint64_t> seed_;
  detail::classifier classifier_;
};

// A call's part in it.
class throttle::layer {
 public:
  explicit layer(throttle& t) noexcept : throttle_(t) {}

  admission enter(call_context& c) noexcept {
    if (throttle_.admit(c.now())) [[likely]]
      return admission::go();
    return rejection{rejection_reason::throttled};
  }
  template <class T>
  void leave(call_context& c, outcome<T>& r) {
    throttle_.settle(throttle_.judge(r), c.now());
  }

 private:
  throttle& throttle_;
};

// --- implementation ------------------------------------------------------------------------------

inline bool throttle::admit(time_point now) noexcept {
  advance(now);
  if (static_cast<double>(sum_.requests) <= multiplier_ * static_cast<double>(sum_.accepts))
    return true;
  return !refuse(now);
}

inline void throttle::settle(verdict v, time_point now) noexcept {
  if (v == verdict::neutral) return;
  advance(now);
  const std::uint64_t accepted = v == verdict::success ? 1 : 0;
  ++ring_[current_].requests;
  ++sum_.requests;
  ring_[current_].accepts += accepted;
  sum_.accepts += accepted;
}

}  // namespace rondo
