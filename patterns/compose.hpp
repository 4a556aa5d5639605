// compose: policies around one another, as one policy.
//
//   auto stack = compose(total_timeout(30s), retry(), breaker, ten, attempt_timeout(10s));
//   outcome<reply> o = co_await stack.run(fetch, url);   // or stack(fetch, url)
//
// Outermost first: the total timeout covers the retries; each attempt asks the breaker, then the
// bulkhead, and has ten seconds. A call is one coroutine, whatever the number of policies, and
// allocates nothing while all is well (but see policy.hpp for hedge). A stack is a policy itself
// and may stand in another one.
//
// Policies that can be copied (settings: retry, timeouts) are copied into the stack; those that
// cannot (circuit_breaker, bulkhead: they are shared) are referred to. They and the stack must
// outlive the calls; a stack that is a temporary is moved into its call.
//
// compose() looks at the order, because a wrong one looks as if it worked. It throws
// std::invalid_argument, with a sentence that says which policy and why, for:
//
//   attempt_timeout longer than the total_timeout around it     it could never be reached
//   total_timeout inside retry                                  it would start again each time
//   attempt_timeout outside retry                               it would limit all of them together
//   attempt_timeout outside circuit_breaker, adaptive_limit or throttle
//                                                               which would never hear of a timeout
//   fallback inside a policy that looks at failures             which would never see one
//   hedge outside retry                                         each of its calls would be retried
//   anything inside chaos                                       it would not see what chaos does
//   two of retry, total_timeout, attempt_timeout or hedge       attempts multiply; one is idle
//   the same shared policy twice                                a call would count twice in it
#pragma once

#include <rondo/patterns/policy.hpp>

#include <array>
#include <span>
#include <tuple>

namespace rondo {

template <class... P>
class policy_stack;

namespace detail {

template <class P>
concept layered_policy = requires { typename P::layer; };

// What compose() looks at.
struct stacked_policy {
  policy_kind kind = policy_kind::other;
  const void* shared = nullptr;  // null for settings
  nanoseconds limit{};           // of timeouts
};
// Throws std::invalid_argument; see above.
void check_stack(std::span<const stacked_policy> policies);

template <class P>
stacked_policy facts_of(const P& p) noexcept {
  stacked_policy f;
  f.kind = kind_of<P>();
  if constexpr (requires {
                  p.limit();
                  f.limit = p.limit();
                })
    f.limit = p.limit();
  if constexpr (!std::is_copy_constructible_v<P>) f.shared = &p;
  return f;
}

template <class P>
inline constexpr bool is_stack = false;
template <class... P>
inline constexpr bool is_stack<policy_stack<P...>> = true;

// A policy as the tuple of what it contributes to a stack.
template <class P>
auto as_stacked(P&& p) {
  using plain = std::remove_cvref_t<P>;
  if constexpr (is_stack<plain>) {
    return std::forward<P>(p).policies();
  } else if constexpr (std::is_copy_constructible_v<plain>) {
    return std::tuple<plain>(std::forward<P>(p));
  } else {
    static_assert(std::is_lvalue_reference_v<P>,
                  "a policy that cannot be copied is shared: give compose() a variable that "
                  "outlives the calls");
    return std::tuple<plain&>(p);
  }
}

// fn(args…), which somebody further out keeps; may be called any number of times.
template <class F, class... Args>
struct borrowed_call {
  auto operator()() const { return std::apply(*fn, *args); }
  F* fn;
  std::tuple<Args...>* args;
};

// The index of the first policy that is not a layer.
template <class... P>
constexpr std::size_t first_runner() {
  std::size_t i = 0;
  (void)((layered_policy<std::remove_cvref_t<P>> && (++i, true)) && ...);
  return i;
}

template <class Given, class... P, class F, class... Args>
auto run_stack(std::tuple<P&...> policies, F fn, Args... args);

// A policy that is not a layer, and what stands inside of it, as a function to be called.
template <class T, class Runner, class Inner, class F, class... Args>
struct runner_call {
  struct inner_call {
    auto operator()() const {
      return run_stack<outcome<T>>(all->inner, borrowed_call<F, Args...>{&all->fn, &all->args});
    }
    runner_call* all;
  };
  auto operator()() { return runner.run(inner_call{this}); }

  Runner& runner;
  Inner inner;
  F fn;
  std::tuple<Args...> args;
};

template <std::size_t From, class Tuple, std::size_t... I>
auto part_of(Tuple& t, std::index_sequence<I...>) {
  return std::tuple<std::tuple_element_t<From + I, Tuple>...>(std::get<From + I>(t)...);
}

template <class Given, class... P, class F, class... Args>
auto run_stack(std::tuple<P&...> policies, F fn, Args... args) {
  using value = call_value_t<F, Args...>;
  constexpr std::size_t n = sizeof...(P);
  constexpr std::size_t i = first_runner<P...>();
  if constexpr (i == n) {
    return run_policies<Given, value>(policies, std::move(fn), std::move(args)...);
  } else {
    auto inner = part_of<i + 1>(policies, std::make_index_sequence<n - i - 1>());
    auto& runner = std::get<i>(policies);
    using call =
        runner_call<value, std::remove_reference_t<decltype(runner)>, decltype(inner), F, Args...>;
    return run_policies<Given, value>(part_of<0>(policies, std::make_index_sequence<i>()),
                                      call{runner, inner, std::move(fn), {std::move(args)...}});
  }
}

template <class Given, class Stack, class F, class... Args>
task<Given> run_kept_stack(Stack stack, F fn, Args... args) {
  if constexpr (std::is_same_v<Given, outcome<call_value_t<F, Args...>>>)
    co_return co_await stack.run(std::move(fn), std::move(args)...);
  else
    co_return co_await stack(std::move(fn), std::move(args)...);
}

}  // namespace detail

// What compose() gives; its type is not to be spelled.
template <class... P>
class policy_stack {
 public:
  // Throws as compose().
  explicit policy_stack(std::tuple<P...> policies) : policies_(std::move(policies)) {
    const auto facts =
        std::apply([](const auto&... p) { return std::array{detail::facts_of(p)...}; }, policies_);
    detail::check_stack(facts);
  }

  // As policy<P>::run and its throwing form (policy.hpp), cancelled likewise.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(F fn, Args... args) const& {
    return detail::run_stack<outcome<detail::call_value_t<F, Args...>>>(references(), std::move(fn),
                                                                        std::move(args)...);
  }
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(F fn, Args... args) && {
    return detail::run_kept_stack<outcome<detail::call_value_t<F, Args...>>>(
        std::move(*this), std::move(fn), std::move(args)...);
  }
  // The throwing form. Cancelled likewise.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(F fn, Args... args) const& {
    return detail::run_stack<detail::call_value_t<F, Args...>>(references(), std::move(fn),
                                                               std::move(args)...);
  }
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(F fn, Args... args) && {
    return detail::run_kept_stack<detail::call_value_t<F, Args...>>(std::move(*this), std::move(fn),
                                                                    std::move(args)...);
  }

  // From the outermost to the innermost.
  const std::tuple<P...>& policies() const& noexcept { return policies_; }
  std::tuple<P...> policies() && { return std::move(policies_); }

 private:
  auto references() const noexcept {
    return std::apply(
        [](auto&... p) { return std::tuple<std::remove_reference_t<decltype(p)>&...>(p...); },
        policies_);
  }
  std::tuple<P...> policies_;
};

// Throws std::invalid_argument for a stack that cannot mean what it says; see above.
template <class... P>
  requires(sizeof...(P) > 0)
auto compose(P&&... policies) {
  const auto stack = []<class... Q>(std::tuple<Q...> all) {
    return policy_stack<Q...>(std::move(all));
  };
  return stack(std::tuple_cat(detail::as_stacked(std::forward<P>(policies))...));
}

}  // namespace rondo
