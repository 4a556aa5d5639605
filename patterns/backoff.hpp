// backoff: how long to wait before the next attempt. A plain value, usable without a loop.
//
//   backoff b = backoff::exponential(100ms).cap(10s).full_jitter();
//   co_await sleep_for(b.next());   // after the first failure, the second, …
//   b.reset();                      // it worked
//
// A delay is never negative and never overflows, whatever the attempt's number. Jitter spreads
// callers that failed together. Each object draws from a generator of its own: seeded by seed(),
// else from the system's entropy (in the simulation always the same). Source of the three kinds:
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/random.hpp>

#include <cstdint>
#include <optional>

namespace rondo {

class backoff {
 public:
  // No delay at all.
  backoff() = default;

  // Every delay is `d`. Negative durations count as zero, here and below.
  template <class Rep, class Period>
  static backoff constant(std::chrono::duration<Rep, Period> d) noexcept {
    return backoff(shape::constant, detail::saturate(d), 1);
  }
  // d, 2d, 3d, …, at most 30 s unless cap() says otherwise.
  template <class Rep, class Period>
  static backoff linear(std::chrono::duration<Rep, Period> d) noexcept {
    return backoff(shape::linear, detail::saturate(d), 1);
  }
  // d, d·factor, d·factor², …, at most 30 s unless cap() says otherwise. Throws
  // std::invalid_argument when the factor is below 1 or not finite.
  template <class Rep, class Period>
  static backoff exponential(std::chrono::duration<Rep, Period> d, double factor = 2) {
    return backoff(shape::exponential, detail::saturate(d), checked(factor));
  }

  // No delay is longer than `d`, jitter included.
  template <class Rep, class Period>
  backoff& cap(std::chrono::duration<Rep, Period> d) & noexcept {
    cap_ = at_least_zero(detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  backoff&& cap(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(cap(d));
  }
  backoff& no_jitter() & noexcept { return set(jitter::none); }
  backoff&& no_jitter() && noexcept { return std::move(set(jitter::none)); }
  // Uniform in [0, delay].
  backoff& full_jitter() & noexcept { return set(jitter::full); }
  backoff&& full_jitter() && noexcept { return std::move(set(jitter::full)); }
  // Half the delay, and as much again at random.
  backoff& equal_jitter() & noexcept { return set(jitter::equal); }
  backoff&& equal_jitter() && noexcept { return std::move(set(jitter::equal)); }
  // Uniform in [d, 3 · the delay before], capped; what shape the delays had does not matter then.
  backoff& decorrelated_jitter() & noexcept { return set(jitter::decorrelated); }
  backoff&& decorrelated_jitter() && noexcept { return std::move(set(jitter::decorrelated)); }
  // The same seed gives the same delays.
  backoff& seed(std::uint64_t n) & noexcept {
    seed_ = n;
    random_.reset();
    return *this;
  }
  backoff&& seed(std::uint64_t n) && noexcept { return std::move(seed(n)); }

  // The delay after the n-th failure in a row, n = 1, 2, …, without jitter: never negative, at most
  // the cap.
  std::chrono::nanoseconds nominal(std::uint64_t n) const noexcept;
  // The delay after one more failure.
  std::chrono::nanoseconds next() noexcept;
  // A copy that starts from the first delay and draws numbers of its own, seeded by this one.
  backoff branch() noexcept;
  // Starts again from the first delay; the random numbers go on.
  void reset() noexcept {
    failures_ = 0;
    previous_ = {};
  }

 private:
  using nanoseconds = std::chrono::nanoseconds;
  enum class shape : std::uint8_t { constant, linear, exponential };
  enum class jitter : std::uint8_t { none, full, equal, decorrelated };
  static constexpr nanoseconds usual_cap = std::chrono::seconds(30);

  backoff(shape s, nanoseconds d, double factor) noexcept
      : shape_(s),
        first_(at_least_zero(d)),
        cap_(s == shape::constant ? nanoseconds::max() : usual_cap),
        factor_(factor) {}
  static constexpr nanoseconds at_least_zero(nanoseconds d) noexcept {
    return d < nanoseconds::zero() ? nanoseconds::zero() : d;
  }
  static double checked(double factor);
  detail::random_source& random() noexcept;
  backoff& set(jitter j) noexcept {
    jitter_ = j;
    return *this;
  }

  shape shape_ = shape::constant;
  jitter jitter_ = jitter::none;
  nanoseconds first_{};
  nanoseconds cap_ = nanoseconds::max();
  double factor_ = 1;
  std::uint64_t failures_ = 0;
  nanoseconds previous_{};  // decorrelated jitter goes on from it
  std::optional<std::uint64_t> seed_;
  std::optional<detail::random_source> random_;  // made when the first number is drawn
};

}  // namespace rondo
