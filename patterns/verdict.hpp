// verdict: what the end of a call says about the callee, and the one classifier all policies share.
//
//   auto judge = [](const outcome<reply>& r) {
//     return r.has_value() && r.value().status == 503 ? verdict::failure : verdict::success;
//   };
//   retry().retry_if(judge);   circuit_breaker::options().classify(judge);
//
// A classifier is a callable with one parameter, returning a verdict (or bool: true means failure,
// false success for a value and neutral for an error). The parameter says what it wants to see:
//
//   const outcome<T>&    calls that give a T; any other call gets the default verdict
//   std::exception_ptr   errors; a value gets the default verdict
//   std::error_code      errors, by their code; likewise
//   const auto&          every end, with has_value(), has_error(), code() and error() as of an
//   outcome
//
// It is never asked about a cancellation (a cancelled outcome, cancelled_error, interrupted): a
// cancelled call says nothing about the callee and is neutral. By default a value is a success, an
// error (an attempt's own timeout included) a failure. A rejection by another policy inside is
// neutral for a breaker; retry has a rule of its own (retry.hpp).
#pragma once

#include <rondo/patterns/rejection.hpp>
#include <rondo/runtime/core/type_mark.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace rondo {

enum class verdict : std::uint8_t { success, failure, neutral };

namespace detail {

// An outcome whose type is forgotten: what policies without a type of their own can look at.
class call_result {
 public:
  template <class T>
  explicit call_result(const outcome<T>& o) noexcept
      : outcome_(&o), functions_(&functions_for<T>) {}

  bool has_value() const noexcept { return functions_->what(outcome_) == content::value; }
  bool has_error() const noexcept { return functions_->what(outcome_) == content::error; }
  bool is_cancelled() const noexcept { return functions_->what(outcome_) == content::none; }
  std::exception_ptr error() const { return functions_->error(outcome_); }
  std::error_code code() const noexcept { return functions_->code(outcome_); }
  const small_error* small() const noexcept { return functions_->small(outcome_); }
  // The outcome itself; null when it is of another type.
  template <class Outcome>
  const Outcome* as() const noexcept {
    return functions_->type == &detail::type_mark<Outcome> ? static_cast<const Outcome*>(outcome_)
                                                           : nullptr;
  }

 private:
  enum class content : std::uint8_t { none, value, error };
  struct functions {
    const void* type;  // its type_mark
    content (*what)(const void*) noexcept;
    std::exception_ptr (*error)(const void*);
    std::error_code (*code)(const void*) noexcept;
    const small_error* (*small)(const void*) noexcept;
  };
  template <class T>
  static const outcome<T>& typed(const void* o) noexcept {
    return *static_cast<const outcome<T>*>(o);
  }
  template <class T>
  static inline const functions functions_for{
      &detail::type_mark<outcome<T>>,
      [](const void* o) noexcept {
        return typed<T>(o).has_value()   ? content::value
               : typed<T>(o).has_error() ? content::error
                                         : content::none;
      },
      [](const void* o) { return typed<T>(o).error(); },
      [](const void* o) noexcept { return typed<T>(o).code(); },
      [](const void* o) noexcept { return typed<T>(o).small(); },
  };

  const void* outcome_;
  const functions* functions_;
};

// How a call ended, before anybody judges it.
enum class ending : std::uint8_t { value, cancelled, rejected, error };
// Looks into the exception, which takes about a microsecond; fills `why` for a rejection.
ending ending_of(const call_result& r, rejection& why) noexcept;

// The one parameter of a callable, without const and reference; void when it is a template.
template <class F>
struct parameter_of_member {
  using type = void;
};
template <class C, class R, class A>
struct parameter_of_member<R (C::*)(A)> {
  using type = std::remove_cvref_t<A>;
};
template <class C, class R, class A>
struct parameter_of_member<R (C::*)(A) const> : parameter_of_member<R (C::*)(A)> {};
template <class C, class R, class A>
struct parameter_of_member<R (C::*)(A) noexcept> : parameter_of_member<R (C::*)(A)> {};
template <class C, class R, class A>
struct parameter_of_member<R (C::*)(A) const noexcept> : parameter_of_member<R (C::*)(A)> {};

template <class F>
struct parameter_of {
  using type = void;
};
template <class F>
  requires requires { &F::operator(); }
struct parameter_of<F> : parameter_of_member<decltype(&F::operator())> {};
template <class R, class A>
struct parameter_of<R (*)(A)> {
  using type = std::remove_cvref_t<A>;
};
template <class R, class A>
struct parameter_of<R (*)(A) noexcept> : parameter_of<R (*)(A)> {};

template <class X>
inline constexpr bool is_outcome = false;
template <class T>
inline constexpr bool is_outcome<outcome<T>> = true;

inline verdict to_verdict(const call_result&, verdict v) noexcept { return v; }
inline verdict to_verdict(const call_result& r, bool failed) noexcept {
  if (failed) return verdict::failure;
  return r.has_value() ? verdict::success : verdict::neutral;
}

// A user's classifier, or none. Copies share it.
class classifier {
 public:
  classifier() = default;
  template <class F>
  explicit classifier(F fn) : fn_(std::make_shared<model<F>>(std::move(fn))) {}

  explicit operator bool() const noexcept { return fn_ != nullptr; }
  // None when it has nothing to say about such an end. Throws what the user's callable throws.
  std::optional<verdict> ask(const call_result& r) const {
    return fn_ ? fn_->ask(r) : std::nullopt;
  }

 private:
  struct callable {
    callable() = default;
    callable(const callable&) = delete;
    callable& operator=(const callable&) = delete;
    virtual ~callable() = default;
    virtual std::optional<verdict> ask(const call_result& r) = 0;
  };
  template <class F>
  struct model final : callable {
    explicit model(F f) : fn(std::move(f)) {}
    std::optional<verdict> ask(const call_result& r) override {
      using parameter = typename parameter_of<F>::type;
      if constexpr (is_outcome<parameter>) {
        const parameter* o = r.as<parameter>();
        if (!o) return std::nullopt;
        return to_verdict(r, fn(*o));
      } else if constexpr (std::is_same_v<parameter, std::exception_ptr>) {
        if (!r.has_error()) return std::nullopt;
        return to_verdict(r, fn(r.error()));
      } else if constexpr (std::is_same_v<parameter, std::error_code>) {
        if (!r.has_error()) return std::nullopt;
        return to_verdict(r, fn(r.code()));
      } else {
        return to_verdict(r, fn(r));
      }
    }
    F fn;
  };
  std::shared_ptr<callable> fn_;
};

// How a call ended, and what that says about the callee.
struct judgement {
  ending how;
  rejection why;  // of a rejection
  verdict says;
};
// A cancellation is neutral. Else the classifier has the word; where it has none, a value is a
// success, an error a failure, and a rejection neutral: the callee was not reached. For some
// policies other rejections are failures: those that `is_failure` says.
judgement judge(const call_result& r, const classifier& c,
                bool (*is_failure)(rejection_reason) = nullptr);

}  // namespace detail
}  // namespace rondo
