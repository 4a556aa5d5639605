// What a user may hang into a retry, with the types forgotten. Copies share the callable.
#pragma once

#include <rondo/patterns/verdict.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>

namespace rondo {

// What retry's decide hook is told besides how the attempt ended.
struct retry_step {
  std::uint64_t attempt;             // that has just failed: 1, 2, …
  std::chrono::nanoseconds delay;    // what retry would wait before the next
  std::chrono::nanoseconds elapsed;  // since the first attempt began
};

namespace detail {

// The second parameter of a callable of two; void when it is a template.
template <class F>
struct second_parameter_of_member {
  using type = void;
};
template <class C, class R, class A, class B>
struct second_parameter_of_member<R (C::*)(A, B)> {
  using type = std::remove_cvref_t<B>;
};
template <class C, class R, class A, class B>
struct second_parameter_of_member<R (C::*)(A, B) const>
    : second_parameter_of_member<R (C::*)(A, B)> {};
template <class C, class R, class A, class B>
struct second_parameter_of_member<R (C::*)(A, B) noexcept>
    : second_parameter_of_member<R (C::*)(A, B)> {};
template <class C, class R, class A, class B>
struct second_parameter_of_member<R (C::*)(A, B) const noexcept>
    : second_parameter_of_member<R (C::*)(A, B)> {};

template <class F>
struct second_parameter_of {
  using type = void;
};
template <class F>
  requires requires { &F::operator(); }
struct second_parameter_of<F> : second_parameter_of_member<decltype(&F::operator())> {};
template <class R, class A, class B>
struct second_parameter_of<R (*)(A, B)> {
  using type = std::remove_cvref_t<B>;
};
template <class R, class A, class B>
struct second_parameter_of<R (*)(A, B) noexcept> : second_parameter_of<R (*)(A, B)> {};

// A delay or nothing, as a hook may return it.
inline std::optional<nanoseconds> to_delay(std::nullopt_t) noexcept { return std::nullopt; }
template <class Rep, class Period>
std::optional<nanoseconds> to_delay(std::chrono::duration<Rep, Period> d) noexcept {
  return saturate(d);
}
template <class D>
std::optional<nanoseconds> to_delay(const std::optional<D>& d) noexcept {
  return d ? to_delay(*d) : std::nullopt;
}

// Calls fn(before…, the end of a call), showing the end as the parameter wants to see it
// (verdict.hpp); none when the parameter is for other ends.
template <class Parameter, class F, class... Before>
std::optional<std::optional<nanoseconds>> ask_for_delay(F& fn, const call_result& r,
                                                        const Before&... before) {
  if constexpr (is_outcome<Parameter>) {
    const Parameter* o = r.as<Parameter>();
    if (!o) return std::nullopt;
    return to_delay(fn(before..., *o));
  } else if constexpr (std::is_same_v<Parameter, std::exception_ptr>) {
    if (!r.has_error()) return std::nullopt;
    return to_delay(fn(before..., r.error()));
  } else if constexpr (std::is_same_v<Parameter, std::error_code>) {
    if (!r.has_error()) return std::nullopt;
    return to_delay(fn(before..., r.code()));
  } else {
    return to_delay(fn(before..., r));
  }
}

// A callable that may have a say in the delay.
class delay_hook {
 public:
  delay_hook() = default;
  // fn(end)
  template <class F>
  static delay_hook of_end(F fn) {
    struct asked final : callable {
      explicit asked(F f) : fn(std::move(f)) {}
      answer ask(const retry_step&, const call_result& r) override {
        return ask_for_delay<typename parameter_of<F>::type>(fn, r);
      }
      F fn;
    };
    return delay_hook(std::make_shared<asked>(std::move(fn)));
  }
  // fn(const retry_step&, end)
  template <class F>
  static delay_hook of_step(F fn) {
    struct asked final : callable {
      explicit asked(F f) : fn(std::move(f)) {}
      answer ask(const retry_step& s, const call_result& r) override {
        return ask_for_delay<typename second_parameter_of<F>::type>(fn, r, s);
      }
      F fn;
    };
    return delay_hook(std::make_shared<asked>(std::move(fn)));
  }

  // None: it has no say about such an end. Throws what the user's callable throws.
  using answer = std::optional<std::optional<nanoseconds>>;
  answer ask(const retry_step& s, const call_result& r) const {
    return fn_ ? fn_->ask(s, r) : std::nullopt;
  }

 private:
  struct callable {
    callable() = default;
    callable(const callable&) = delete;
    callable& operator=(const callable&) = delete;
    virtual ~callable() = default;
    virtual std::optional<std::optional<nanoseconds>> ask(const retry_step& s,
                                                          const call_result& r) = 0;
  };
  explicit delay_hook(std::shared_ptr<callable> fn) noexcept : fn_(std::move(fn)) {}
  std::shared_ptr<callable> fn_;
};

// on_retry. What it throws goes to on_unhandled.
class retry_hook {
 public:
  retry_hook() = default;
  template <class F>
  explicit retry_hook(F fn) : fn_(std::make_shared<model<F>>(std::move(fn))) {}
  void call(std::uint64_t attempt, nanoseconds delay, const call_result& r) const noexcept;

 private:
  struct callable {
    callable() = default;
    callable(const callable&) = delete;
    callable& operator=(const callable&) = delete;
    virtual ~callable() = default;
    virtual void call(std::uint64_t attempt, nanoseconds delay, const call_result& r) = 0;
  };
  template <class F>
  struct model final : callable {
    explicit model(F f) : fn(std::move(f)) {}
    void call(std::uint64_t attempt, nanoseconds delay, const call_result& r) override {
      if constexpr (std::is_invocable_v<F&, std::uint64_t, nanoseconds, std::exception_ptr>)
        fn(attempt, delay, r.error());
      else
        fn(attempt, delay, r);
    }
    F fn;
  };
  std::shared_ptr<callable> fn_;
};

}  // namespace detail
}  // namespace rondo
