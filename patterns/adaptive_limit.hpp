// adaptive_limit: a bound on the calls at a time that finds its own value from how long they take.
//
//   adaptive_limit limit(adaptive_limit::gradient2());
//   // limit_exceeded is an outcome
//   outcome<reply> o = co_await limit.run([&] { return fetch(url); });
//
// The right bound of a bulkhead changes with the callee's load. TCP has the same question and
// answers it by trying: more while all is well, less when a queue builds up, which shows as latency
// above that without load.
//
//   aimd       one more while calls succeed and the limit is used; nine tenths of it after a
//              failure or a call longer than the timeout. Chiu and Jain, 1989.
//   vegas      estimates the callee's queue from latency against the least seen, and keeps it
//              between two bounds that grow with the logarithm of the limit; measures the least
//              anew from time to time. Brakmo and Peterson, "TCP Vegas", 1995.
//   gradient2  follows the ratio of the long-term average latency to the latest, within a
//              tolerance, and allows a small queue. Failures count by their latency only. Netflix,
//              concurrency-limits, 2018.
//
// The formulas and constants are those of Netflix's concurrency-limits. A call that was cancelled,
// or refused further inside, says nothing and changes nothing. There is no line: over the limit is
// refused at once. One object serves one loop's thread and must outlive its calls.
#pragma once

#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/random.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace rondo {

class adaptive_limit : public policy<adaptive_limit> {
 public:
  using time_point = detail::time_point;
  class options;
  class permit;
  class layer;
  static constexpr auto kind = detail::policy_kind::adaptive_limit;

  static options aimd() noexcept;
  static options vegas() noexcept;
  static options gradient2() noexcept;

  // By one of the three below.
  adaptive_limit(options o);  // NOLINT(google-explicit-constructor)
  adaptive_limit(const adaptive_limit&) = delete;
  adaptive_limit& operator=(const adaptive_limit&) = delete;
  // Destroying it while a permit is out ends the program.
  ~adaptive_limit();

  // For calls that run() does not fit. The permit is false when the call is refused.
  [[nodiscard]] permit admit(time_point now) noexcept;
  [[nodiscard]] permit admit() noexcept;

  std::uint32_t limit() const noexcept { return static_cast<std::uint32_t>(limit_); }
  std::uint32_t in_use() const noexcept { return in_use_; }
  // For keyed: what it has learnt would be lost.
  detail::replaceable replaceable(time_point) const noexcept {
    return in_use_ == 0 ? detail::replaceable::reluctantly : detail::replaceable::no;
  }

 private:
  enum class algorithm : std::uint8_t { aimd, vegas, gradient2 };
  struct settings {
    algorithm kind;
    std::uint32_t initial = 20;
    std::uint32_t least = 1;
    std::uint32_t most = 200;
    std::chrono::nanoseconds timeout = std::chrono::seconds(5);
    double decrease = 0.9;
    double tolerance = 1.5;
    double smoothing = 0.2;
    std::uint32_t queue = 4;
    std::optional<std::uint64_t> seed;
    detail::classifier classifier;
  };

  template <class T>
  verdict judge(const outcome<T>& r) const {
    return r.has_value() && !settings_.classifier ? verdict::success
                                                  : judge_rarely(detail::call_result(r));
  }
  verdict judge_rarely(const detail::call_result& r) const;
  // A call that was one of `in_flight` took so long.
  void sample(double latency_ns, std::uint32_t in_flight, bool failed) noexcept;
  double next_aimd(double latency_ns, std::uint32_t in_flight, bool failed) noexcept;
  double next_vegas(double latency_ns, std::uint32_t in_flight, bool failed) noexcept;
  double next_gradient2(double latency_ns, std::uint32_t in_flight) noexcept;

  settings settings_;
  double limit_;
  std::uint32_t in_use_ = 0;

  // vegas
  double least_latency_ = 0;  // zero: none yet
  std::uint64_t since_probe_ = 0;
  double probe_jitter_ = 1;
  std::optional<detail::random_source> random_;
  // gradient2
  double average_ = 0;
  std::uint32_t averaged_ = 0;
};

// Every setter returns the object itself. Those that belong to one algorithm mean nothing to the
// others.
class adaptive_limit::options {
 public:
  // The limit at first (20), at least (1) and at most (200; vegas: 1,000). Throws
  // std::invalid_argument unless 0 < least <= initial <= most.
  options& limits(detail::amount32 initial, detail::amount32 least, detail::amount32 most) &;
  options&& limits(detail::amount32 initial, detail::amount32 least, detail::amount32 most) && {
    return std::move(limits(initial, least, most));
  }
  // aimd: a call longer than this counts as a failure (5 s). Throws std::invalid_argument unless
  // positive.
  template <class Rep, class Period>
  options& timeout(std::chrono::duration<Rep, Period> d) & {
    return set_timeout(detail::saturate(d));
  }
  template <class Rep, class Period>
  options&& timeout(std::chrono::duration<Rep, Period> d) && {
    return std::move(timeout(d));
  }
  // aimd: what is left of the limit after a failure (0.9). Throws std::invalid_argument unless 0 <
  // ratio < 1.
  options& decrease(double ratio) &;
  options&& decrease(double ratio) && { return std::move(decrease(ratio)); }
  // gradient2: how many times the average a latency may be before the limit sinks (1.5). Throws
  // std::invalid_argument unless at least 1.
  options& tolerance(double ratio) &;
  options&& tolerance(double ratio) && { return std::move(tolerance(ratio)); }
  // gradient2: the queue that is allowed (4).
  options& queue(detail::amount32 n) & noexcept {
    settings_.queue = n;
    return *this;
  }
  options&& queue(detail::amount32 n) && noexcept { return std::move(queue(n)); }
  // vegas: the numbers that spread the probes of many clients.
  options& seed(std::uint64_t n) & noexcept {
    settings_.seed = n;
    return *this;
  }
  options&& seed(std::uint64_t n) && noexcept { return std::move(seed(n)); }
  // What counts as a failure: a classifier (verdict.hpp).
  template <class F>
  options& classify(F fn) & {
    settings_.classifier = detail::classifier(std::move(fn));
    return *this;
  }
  template <class F>
  options&& classify(F fn) && {
    return std::move(classify(std::move(fn)));
  }

 private:
  friend class adaptive_limit;
  explicit options(algorithm a) noexcept { settings_.kind = a; }
  options& set_timeout(std::chrono::nanoseconds d);
  settings settings_{};
};

// An admitted call, or a refusal. Settled once; dropped unsettled it counts for nothing.
class [[nodiscard]] adaptive_limit::permit {
 public:
  permit(permit&& other) noexcept
      : limit_(std::exchange(other.limit_, nullptr)),
        in_flight_(other.in_flight_),
        begun_(other.begun_) {}
  permit& operator=(permit&&) = delete;
  ~permit() {
    if (limit_) --limit_->in_use_;
  }

  // False: the call must not be made.
  explicit operator bool() const noexcept { return limit_ != nullptr; }
  // How the call ended. A second time, and on a refusal, it does nothing.
  void settle(verdict v, time_point now) noexcept {
    if (!limit_) return;
    adaptive_limit& l = *std::exchange(limit_, nullptr);
    --l.in_use_;
    if (v == verdict::neutral) return;
    l.sample(static_cast<double>((now - begun_).count()), in_flight_, v == verdict::failure);
  }
  void settle(verdict v) noexcept { settle(v, detail::policy_now()); }

 private:
  friend class adaptive_limit;
  permit() = default;
  permit(adaptive_limit& l, std::uint32_t in_flight, time_point now) noexcept
      : limit_(&l), in_flight_(in_flight), begun_(now) {}

  adaptive_limit* limit_ = nullptr;
  std::uint32_t in_flight_ = 0;  // when it was admitted, itself included
  time_point begun_{};
};

// A call's part in it.
class adaptive_limit::layer {
 public:
  explicit layer(adaptive_limit& l) noexcept : limit_(l) {}

  admission enter(call_context& c) noexcept {
    permit_.emplace(limit_.admit(c.now()));
    if (!*permit_) [[unlikely]]
      return rejection{rejection_reason::limit_exceeded};
    return admission::go();
  }
  template <class T>
  void leave(call_context& c, outcome<T>& r) {
    permit_->settle(limit_.judge(r), c.now());
  }

 private:
  adaptive_limit& limit_;
  std::optional<permit> permit_;
};

// --- implementation ------------------------------------------------------------------------------

inline adaptive_limit::options adaptive_limit::aimd() noexcept { return options(algorithm::aimd); }
inline adaptive_limit::options adaptive_limit::vegas() noexcept {
  options o(algorithm::vegas);
  o.settings_.most = 1000;
  return o;
}
inline adaptive_limit::options adaptive_limit::gradient2() noexcept {
  return options(algorithm::gradient2);
}

inline adaptive_limit::permit adaptive_limit::admit(time_point now) noexcept {
  if (in_use_ >= limit()) [[unlikely]]
    return {};
  return {*this, ++in_use_, now};
}
inline adaptive_limit::permit adaptive_limit::admit() noexcept {
  return admit(detail::policy_now());
}

}  // namespace rondo
