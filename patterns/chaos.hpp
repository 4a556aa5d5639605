// chaos: makes calls slow, fail, or give another result, at random: for tests and game days.
//
//   chaos faults(chaos::options()
//                    .enabled(config.game_day)
//                    .latency(0.1, 50ms, 2s)
//                    .error(0.02, std::make_error_code(std::errc::connection_reset))
//                    .result(0.01, reply{503}));
//   outcome<reply> o = co_await again.run([&] { return faults.run([&] { return fetch(url); }); });
//
// It belongs innermost, where the callee itself would be slow or fail: the policies around it then
// do what they would do. Off unless enabled: then it costs a branch. The same seed gives the same
// faults, as long as the calls come in the same order.
//
// One object serves one loop's thread and must outlive its calls.
#pragma once

#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/core/type_mark.hpp>
#include <rondo/runtime/sleep.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace rondo {

class chaos : public policy<chaos> {
 public:
  class options;
  class layer;
  static constexpr auto kind = detail::policy_kind::chaos;

  // Calls that were tampered with, since it was made.
  struct counts {
    std::uint64_t delayed = 0;
    std::uint64_t failed = 0;
    std::uint64_t replaced = 0;
  };

  // With these. Nothing is done until it is enabled.
  chaos(options o);  // NOLINT(google-explicit-constructor)
  chaos(const chaos&) = delete;
  chaos& operator=(const chaos&) = delete;
  ~chaos() = default;

  // For the calls that begin from now on.
  void enable(bool on = true) noexcept { enabled_ = on; }
  bool enabled() const noexcept { return enabled_; }
  const counts& totals() const noexcept { return counts_; }

 private:
  using nanoseconds = std::chrono::nanoseconds;

  // A result without its type.
  class substitute {
   public:
    substitute() = default;
    substitute(const substitute&) = delete;
    substitute& operator=(const substitute&) = delete;
    virtual ~substitute() = default;
    // Puts it into the outcome at `to`, whose type_mark is `type`; false when it is for another
    // type.
    virtual bool give(const void* type, void* to) const = 0;
  };
  template <class T>
  class substitute_of final : public substitute {
   public:
    explicit substitute_of(T value) : value_(std::move(value)) {}
    bool give(const void* type, void* to) const override {
      if (type != &detail::type_mark<outcome<T>>) return false;
      *static_cast<outcome<T>*>(to) = outcome<T>(std::in_place, value_);
      return true;
    }

   private:
    T value_;
  };
  // What is done to one call: drawn at once, so that the numbers do not depend on how calls
  // interleave.
  struct fate {
    nanoseconds delay{};
    bool fails = false;
    bool is_replaced = false;
  };
  struct settings {
    bool enabled = false;
    double latency = 0;
    nanoseconds least{};
    nanoseconds most{};
    double error = 0;
    std::exception_ptr thrown{};
    double result = 0;
    std::shared_ptr<const substitute> given{};
    std::optional<std::uint64_t> seed{};
  };

  fate draw();

  settings settings_;
  bool enabled_;
  counts counts_;
  std::optional<detail::random_source> random_;
};

// Every setter returns the object itself. Probabilities are from 0 to 1: std::invalid_argument
// otherwise.
class chaos::options {
 public:
  // Nothing is done to any call unless this is asked for, here or by enable().
  options& enabled(bool on = true) & noexcept {
    settings_.enabled = on;
    return *this;
  }
  options&& enabled(bool on = true) && noexcept { return std::move(enabled(on)); }
  options& seed(std::uint64_t n) & noexcept {
    settings_.seed = n;
    return *this;
  }
  options&& seed(std::uint64_t n) && noexcept { return std::move(seed(n)); }
  // With this probability a call begins later, by a time between `least` and `most`. Throws
  // std::invalid_argument unless 0 <= least <= most.
  template <class Rep, class Period, class Rep2, class Period2>
  options& latency(double probability, std::chrono::duration<Rep, Period> least,
                   std::chrono::duration<Rep2, Period2> most) & {
    return set_latency(probability, detail::saturate(least), detail::saturate(most));
  }
  template <class Rep, class Period, class Rep2, class Period2>
  options&& latency(double probability, std::chrono::duration<Rep, Period> least,
                    std::chrono::duration<Rep2, Period2> most) && {
    return std::move(latency(probability, least, most));
  }
  template <class Rep, class Period>
  options& latency(double probability, std::chrono::duration<Rep, Period> d) & {
    return latency(probability, d, d);
  }
  template <class Rep, class Period>
  options&& latency(double probability, std::chrono::duration<Rep, Period> d) && {
    return std::move(latency(probability, d, d));
  }
  // With this probability a call fails: with this exception, or std::system_error of the code.
  // Throws std::invalid_argument for a null exception and for the code of a success.
  options& error(double probability, std::exception_ptr e) &;
  options&& error(double probability, std::exception_ptr e) && {
    return std::move(error(probability, std::move(e)));
  }
  options& error(double probability, std::error_code code) &;
  options&& error(double probability, std::error_code code) && {
    return std::move(error(probability, code));
  }
  // With this probability a call that gives a T is made and gives this one instead; calls that give
  // something else are left alone.
  template <class T>
  options& result(double probability, T value) & {
    settings_.result = checked(probability);
    settings_.given = std::make_shared<substitute_of<T>>(std::move(value));
    return *this;
  }
  template <class T>
  options&& result(double probability, T value) && {
    return std::move(result(probability, std::move(value)));
  }

 private:
  friend class chaos;
  static double checked(double probability);
  options& set_latency(double probability, nanoseconds least, nanoseconds most);
  settings settings_;
};

// A call's part in it.
class chaos::layer {
 public:
  explicit layer(chaos& c) noexcept : chaos_(c) {}

  admission enter(call_context& c) {
    if (!chaos_.enabled_) [[likely]]
      return admission::go();
    return tamper(c);
  }
  admission resume(call_context&) noexcept;
  template <class T>
  void answer(call_context&, outcome<T>& r) {
    r = outcome<T>(chaos_.settings_.thrown);
  }
  template <class T>
  void leave(call_context&, outcome<T>& r) {
    if (!std::exchange(fate_.is_replaced, false)) [[likely]]
      return;
    if (chaos_.settings_.given->give(&detail::type_mark<outcome<T>>, &r)) ++chaos_.counts_.replaced;
  }

 private:
  admission tamper(call_context& c);
  admission go_or_fail() noexcept;

  chaos& chaos_;
  fate fate_;
  bool too_late_ = false;  // the deadline comes before the delay is over
  std::optional<detail::sleep_wait> sleep_;
};

}  // namespace rondo
