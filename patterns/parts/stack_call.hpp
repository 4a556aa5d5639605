// One call through a stack of policies, as one coroutine.
//
// The layers of the call stand in its frame, outermost first. Going inward asks each layer for
// admission; when all have said go, the function is called; going outward tells each of them how it
// ended. All of that is plain function calls, which the compiler sees through. Only when something
// must be awaited (the function, a place in a line, a delay, a substitute) does control come back
// to the coroutine, which awaits it and goes on where it was:
//
//   inward ──► layer 0 ──► layer 1 ──► … ──► call ──► … ──► layer 1 ──► layer 0 ──► done
//                 │ wait                                        │ again: inward from there
//                 └ refuse: outward from there                  └ substitute
//
// A cancelled call is unwound: the layers are destroyed, innermost first, and their destructors
// give back what they hold.
#pragma once

#include <rondo/patterns/parts/call_context.hpp>
#include <rondo/patterns/parts/policy_kind.hpp>
#include <rondo/patterns/telemetry.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>

#include <cstddef>
#include <optional>
#include <tuple>

namespace rondo::detail {

// A call that gives an outcome (another policy's run, say) counts by what is in it.
template <class R>
struct flattened {
  using type = R;
};
template <class T>
struct flattened<outcome<T>> {
  using type = T;
};
template <class T>
outcome<T>&& flatten(outcome<T>&& o) noexcept {
  return std::move(o);
}
template <class T>
outcome<T> flatten(outcome<outcome<T>>&& o) {
  if (o.has_value()) return std::move(o).value();
  if (const small_error* e = o.small()) return outcome<T>(*e);
  return o.has_error() ? outcome<T>(o.error()) : outcome<T>();
}

// A policy calls its function perhaps several times: with its own copies of the arguments, as
// lvalues.
template <class F, class... Args>
concept callable_again = requires(F& fn, Args&... args) {
  { fn(args...) } -> awaitable;
};

template <class F, class... Args>
using call_value_t =
    typename flattened<std::remove_cv_t<awaited_t<std::invoke_result_t<F&, Args&...>>>>::type;

// Outermost first; what is inside is destroyed first.
template <class... P>
struct layers {
  template <class Policies, std::size_t I>
  layers(Policies&, std::integral_constant<std::size_t, I>) noexcept {}
};
template <class P, class... Inner>
struct layers<P, Inner...> {
  template <class Policies, std::size_t I>
  layers(Policies& p, std::integral_constant<std::size_t, I>)
      : of(&std::get<I>(p)),
        own(std::get<I>(p)),
        inner(p, std::integral_constant<std::size_t, I + 1>{}) {}

  template <std::size_t I>
  auto& get() noexcept {
    if constexpr (I == 0)
      return own;
    else
      return inner.template get<I - 1>();
  }

  template <std::size_t I>
  const void* policy() const noexcept {
    if constexpr (I == 0)
      return of;
    else
      return inner.template policy<I - 1>();
  }

  const void* of;
  typename P::layer own;
  [[no_unique_address]] layers<Inner...> inner;
};

template <class L>
inline constexpr bool may_limit = requires { L::limits_time; };
template <class L, class T>
inline constexpr bool may_substitute =
    requires(L& l, call_context& c, outcome<T>& r) { l.substitute(c, r); };

template <class T, class Policies>
class stack_call;

template <class T, class... P>
class stack_call<T, std::tuple<P...>> {
  static constexpr std::size_t depth = sizeof...(P);
  template <std::size_t I>
  using layer_type = typename std::remove_cvref_t<std::tuple_element_t<I, std::tuple<P...>>>::layer;

 public:
  // What the coroutine has to do next.
  enum class action : std::uint8_t { call, wait, sleep, substitute, done };
  static constexpr bool limited = (may_limit<typename std::remove_cvref_t<P>::layer> || ...);
  static constexpr bool substitutes =
      (may_substitute<typename std::remove_cvref_t<P>::layer, T> || ...);

  template <class Policies>
  explicit stack_call(Policies& policies)
      : layers_(policies, std::integral_constant<std::size_t, 0>{}) {}
  stack_call(const stack_call&) = delete;
  stack_call& operator=(const stack_call&) = delete;

  action begin() { return inward<0>(); }
  // The function is about to be called.
  void calls() noexcept {
    if (watch_.on()) [[unlikely]]
      watch_.attempt_begins();
  }
  // The function has ended, with result().
  action ended() {
    if (watch_.on()) [[unlikely]]
      watch_.attempt_ended(how_it_ended(result_, result_.code()));
    return outward<depth>();
  }
  // The deadline in force came first.
  action expired() {
    if (watch_.on()) [[unlikely]]
      watch_.attempt_ended(call_end::timed_out);
    context_.expire();
    result_ = outcome<T>();
    return outward<depth>();
  }
  action waited() {
    return at_layer([this]<std::size_t I>() {
      if constexpr (requires { this->template layer<I>().resume(context_); })
        return this->template next<I>(this->template layer<I>().resume(context_));
      else
        return this->template inward<I + 1>();
    });
  }
  action slept() {
    return at_layer([this]<std::size_t I>() {
      if constexpr (requires { this->template layer<I>().goes_again(); })
        this->template layer<I>().goes_again();
      return this->template inward<I + 1>();
    });
  }
  action substituted() {
    return at_layer([this]<std::size_t I>() { return this->template outward<I>(); });
  }
  action substitute_expired() {
    context_.expire();
    result_ = outcome<T>();
    return substituted();
  }
  task<T> substitute() {
    task<T> t;
    at_layer([&]<std::size_t I>() {
      if constexpr (may_substitute<layer_type<I>, T>) t = layer<I>().substitute(context_, result_);
      return action::done;
    });
    return t;
  }

  waitable& waits_for() const noexcept { return *waits_for_; }
  nanoseconds delay() const noexcept { return delay_; }
  bool has_deadline() const noexcept { return context_.deadline() != never; }
  nanoseconds time_left() const noexcept { return context_.deadline() - context_.now(); }
  outcome<T>& result() noexcept { return result_; }

 private:
  template <std::size_t I>
  auto& layer() noexcept {
    return layers_.template get<I>();
  }
  template <std::size_t I>
  static constexpr policy_kind kind_at =
      kind_of<std::remove_cvref_t<std::tuple_element_t<I, std::tuple<P...>>>>();

  // From outside layer I to the function.
  template <std::size_t I>
  action inward() {
    if constexpr (I == depth)
      return action::call;
    else
      return next<I>(layer<I>().enter(context_));
  }
  template <std::size_t I>
  [[gnu::always_inline]] action next(admission a) {
    if (a.what() == admission::kind::go) [[likely]]
      return inward<I + 1>();
    if (a.what() == admission::kind::refuse) {
      if (watch_.on()) [[unlikely]]
        watch_.refused(kind_at<I>, layers_.template policy<I>(), a.why());
      result_ = small_error_of(a.why());
      return outward<I>();
    }
    return stopped<I>(a);
  }
  template <std::size_t I>
  action stopped(admission a) {
    switch (a.what()) {
      case admission::kind::go:
      case admission::kind::refuse: break;
      case admission::kind::wait:
        at_ = I;
        waits_for_ = &a.waits_for();
        return action::wait;
      case admission::kind::answer:
        if (watch_.on()) [[unlikely]]
          watch_.substituted(kind_at<I>, layers_.template policy<I>());
        if constexpr (requires { layer<I>().answer(context_, result_); })
          layer<I>().answer(context_, result_);
        break;
      case admission::kind::expire:
        context_.expire();
        result_ = outcome<T>();
        break;
    }
    return outward<I>();
  }
  // What is inside of layer I - 1 has ended.
  template <std::size_t I>
  action outward() {
    if constexpr (I == 0) {
      if (watch_.on()) [[unlikely]]
        watch_.call_ended(how_it_ended(result_, result_.code()), result_.code());
      return action::done;
    } else {
      using layer_t = layer_type<I - 1>;
      layer_t& l = layer<I - 1>();
      if constexpr (std::is_void_v<decltype(l.leave(context_, result_))>) {
        l.leave(context_, result_);
        return outward<I - 1>();
      } else {
        const decision d = l.leave(context_, result_);
        if (d.what() == decision::kind::pass) [[likely]]
          return outward<I - 1>();
        at_ = I - 1;
        if constexpr (may_substitute<layer_t, T>) {
          if (d.what() == decision::kind::substitute) {
            if (watch_.on()) [[unlikely]]
              watch_.substituted(kind_at<I - 1>, layers_.template policy<I - 1>());
            return action::substitute;
          }
        }
        if (context_.deadline() != never && add(context_.now(), d.delay()) >= context_.deadline())
          return outward<I - 1>();
        delay_ = d.delay();
        result_ = outcome<T>();  // it may hold what the next attempt needs: a connection, a permit
        if (watch_.on()) [[unlikely]]
          watch_.again(kind_at<I - 1>, layers_.template policy<I - 1>(), delay_);
        return action::sleep;
      }
    }
  }

  template <class Fn>
  action at_layer(Fn fn) {
    return at_layer(fn, std::make_index_sequence<depth>());
  }
  template <class Fn, std::size_t... I>
  action at_layer(Fn& fn, std::index_sequence<I...>) {
    action a = action::done;
    (void)((at_ == I && (a = fn.template operator()<I>(), true)) || ...);
    return a;
  }

  call_watch watch_;
  call_context context_;
  layers<std::remove_reference_t<P>...> layers_;
  outcome<T> result_;
  waitable* waits_for_ = nullptr;
  nanoseconds delay_{};
  std::size_t at_ = 0;  // the layer that has something awaited
};

// Awaits what a layer waits for.
class [[nodiscard("without co_await nothing happens")]] layer_wait : public awaitable_tag {
 public:
  explicit layer_wait(waitable& w) noexcept : on_(w) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    return suspend_on(h.promise(), on_);
  }
  void await_resume() const noexcept {}

 private:
  waitable& on_;
};

// fn(args…) through `policies`, a tuple of them (or a reference to one). Given is T to throw, or
// outcome<T> not to. Throws nothing else but what a classifier throws.
template <class Given, class T, class Policies, class F, class... Args>
task<Given> run_policies(Policies policies, F fn, Args... args) {
  using call_type = stack_call<T, std::remove_cvref_t<Policies>>;
  using action = typename call_type::action;
  using returned = std::remove_cv_t<awaited_t<std::invoke_result_t<F&, Args&...>>>;

  call_type call(policies);
  action next = call.begin();
  while (next != action::done) {
    switch (next) {
      case action::call: {
        call.calls();
        bool in_time = true;
        try {
          if (call_type::limited && call.has_deadline()) {
            timeout_wait<returned> scope(call.time_left(), to_task(fn(args...)));
            in_time = co_await scope;
            if (in_time) call.result() = flatten(scope.take_outcome());
          } else {
            call.result() = flatten(co_await as_result(fn(args...)));
          }
        } catch (...) {  // the function itself threw, before there was a task
          call.result() = outcome<T>(std::current_exception());
        }
        next = in_time ? call.ended() : call.expired();
        break;
      }
      case action::wait:
        co_await layer_wait(call.waits_for());
        next = call.waited();
        break;
      case action::sleep:
        co_await sleep_for(call.delay());
        next = call.slept();
        break;
      case action::substitute:
        if constexpr (call_type::substitutes) {
          bool in_time = true;
          try {
            if (call_type::limited && call.has_deadline()) {
              timeout_wait<T> scope(call.time_left(), call.substitute());
              in_time = co_await scope;
              if (in_time) call.result() = scope.take_outcome();
            } else {
              call.result() = co_await as_result(call.substitute());
            }
          } catch (...) {
            call.result() = outcome<T>(std::current_exception());
          }
          next = in_time ? call.substituted() : call.substitute_expired();
        }
        break;
      case action::done: break;
    }
  }
  if constexpr (std::is_same_v<Given, outcome<T>>)
    co_return std::move(call.result());
  else
    co_return std::move(call.result()).value();
}

}  // namespace rondo::detail
