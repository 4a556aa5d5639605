// fallback: another answer when the call gave none.
//
//   auto a = compose(fallback(reply{}), retry(), breaker);                     // a value
//   auto b = compose(fallback([] { return from_cache(); }), retry(), breaker); // made when needed
//   auto told = [](const outcome<reply>& o) -> task<reply> { co_return reply{o.code().value()}; };
//   auto c = compose(fallback(told), retry(), breaker);  // knows what happened
//
// It answers for errors and rejections, timeouts among them; when() chooses. Never for a
// cancellation: that is not an answer that is missing, but a question withdrawn. What the callable
// throws is the result then. It belongs outside of the policies that look at failures.
#pragma once

#include <rondo/patterns/policy.hpp>

namespace rondo {

// `With` is a value, or a callable with no parameter or a const outcome<T>&, which gives a T or
// something to await that gives one. It is kept with the policy; a callable must be const to call.
template <class With>
class fallback : public policy<fallback<With>> {
 public:
  class layer;
  static constexpr auto kind = detail::policy_kind::fallback;

  // Answers for every failure, unless when() says otherwise.
  explicit fallback(With with) : with_(std::move(with)) {}

  // Which ends are answered for: those that the classifier (verdict.hpp) calls failures, values
  // among them if it says so. Ends that it is silent about stay as they are if they are values.
  template <class F>
  fallback& when(F judge) & {
    judge_ = detail::classifier(std::move(judge));
    return *this;
  }
  template <class F>
  fallback&& when(F judge) && {
    return std::move(when(std::move(judge)));
  }

 private:
  With with_;
  detail::classifier judge_;
};

template <class With>
class fallback<With>::layer {
  template <class T>
  static constexpr bool takes_outcome() {
    return std::is_invocable_v<const With&, const outcome<T>&>;
  }
  template <class T>
  static constexpr bool is_callable() {
    return takes_outcome<T>() || std::is_invocable_v<const With&>;
  }
  template <class T>
  static decltype(auto) made_by(const With& with, const outcome<T>& r) {
    if constexpr (takes_outcome<T>())
      return with(r);
    else
      return with();
  }
  template <class T>
  static constexpr bool gives_task() {
    if constexpr (is_callable<T>())
      return detail::awaitable<decltype(made_by<T>(std::declval<const With&>(),
                                                   std::declval<const outcome<T>&>()))>;
    else
      return false;
  }

 public:
  explicit layer(const fallback& f) noexcept : policy_(f) {}

  admission enter(call_context&) const noexcept { return admission::go(); }
  template <class T>
  decision leave(call_context&, outcome<T>& r) const {
    if (r.has_value() && !policy_.judge_) [[likely]]
      return decision::pass();
    if (!is_wanted(detail::call_result(r))) return decision::pass();
    if constexpr (gives_task<T>()) {
      return decision::substitute();
    } else {
      answer_with<T>(r);
      return decision::pass();
    }
  }
  template <class T>
    requires(gives_task<T>())
  task<T> substitute(call_context&, outcome<T>& r) const {
    return detail::to_task(made<T>(r));
  }

 private:
  template <class T>
  auto made(const outcome<T>& r) const {
    return made_by<T>(policy_.with_, r);
  }
  template <class T>
  void answer_with(outcome<T>& r) const {
    try {
      if constexpr (!is_callable<T>()) {
        r = outcome<T>(std::in_place, policy_.with_);
      } else if constexpr (std::is_void_v<T>) {
        made<T>(r);
        r = outcome<T>(std::in_place);
      } else {
        r = outcome<T>(std::in_place, made<T>(r));
      }
    } catch (...) {
      r = outcome<T>(std::current_exception());
    }
  }
  bool is_wanted(const detail::call_result& r) const {
    const auto every = [](rejection_reason) { return true; };
    return detail::judge(r, policy_.judge_, every).says == verdict::failure;
  }

  const fallback& policy_;
};

}  // namespace rondo
