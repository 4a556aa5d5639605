// What every policy is: something that stands around a call and has a say before and after it.
//
//   outcome<reply> o = co_await breaker.run(fetch, url);   // a rejection is an outcome
//   reply r = co_await breaker(fetch, url);  // throws `rejected`, or what fetch threw
//   auto stack = compose(total_timeout(30s), retry(), breaker);   // compose.hpp
//
// Writing your own: derive from policy<yours>, and give it a layer, which is one call's part in it.
//
//   class one_at_a_time : public rondo::policy<one_at_a_time> {
//    public:
//     one_at_a_time() = default;
//     one_at_a_time(const one_at_a_time&) = delete;            // it has state: see below
//     class layer {
//      public:
//       explicit layer(one_at_a_time& p) : policy_(p) {}
//       ~layer() { if (entered_) policy_.busy_ = false; }      // a cancelled call has no leave()
//       rondo::admission enter(rondo::call_context&) {
//         if (policy_.busy_) return rondo::rejection{rondo::rejection_reason::limit_exceeded};
//         policy_.busy_ = entered_ = true;
//         return rondo::admission::go();
//       }
//       template <class T>
//       void leave(rondo::call_context&, rondo::outcome<T>&) {
//         policy_.busy_ = entered_ = false;
//       }
//      private:
//       one_at_a_time& policy_;
//       bool entered_ = false;
//     };
//    private:
//     bool busy_ = false;
//   };
//
// A layer stands in the frame of the one coroutine that runs the call and is never moved:
//
//   layer(P&)                        when the call starts; const P& when the policy is copyable
//   admission enter(call_context&)   before what is inside; again each time a policy further out
//                                    makes the call once more
//   admission resume(call_context&)  after admission::wait(w), when w is over; without it: go
//   void or decision leave(call_context&, outcome<T>& result)     for each enter that said go
//   void goes_again()                after decision::again(d), when d is over and what is inside
//                                    is entered once more
//   void answer(call_context&, outcome<T>& result)                after admission::answer()
//   task<T> substitute(call_context&, outcome<T>& result)         after decision::substitute()
//   static constexpr bool limits_time = true;                     if it calls context.narrow()
//   ~layer()                         also when the call is cancelled: gives back what it holds
//
// leave() sees a result that is cancelled when the deadline of a policy further out ended the call;
// that says nothing about the callee. None of these may suspend or start tasks. What they throw
// ends the call. call_result(result) hides the type of a result, for functions in a .cpp file.
//
// A policy that can be copied is settings: copied into a stack, and into each call made of it
// directly. One that cannot be copied is shared: it is referred to, on one loop's thread, and must
// outlive its calls. So a policy that counts something must not be copyable.
//
// A policy that makes several calls at once cannot be a layer. It needs only run(fn): in a stack,
// what is inside of it becomes its function, which costs a frame more for each call.
#pragma once

#include <rondo/patterns/parts/ambient.hpp>
#include <rondo/patterns/parts/stack_call.hpp>

#include <concepts>

namespace rondo {

namespace detail {

// How a policy stands in a tuple of them.
template <class P>
using held_policy = std::conditional_t<std::is_copy_constructible_v<P>, P, P&>;

// For keyed: may a policy be dropped and made anew? Policies say so by a member replaceable(now).
enum class replaceable : std::uint8_t { no, reluctantly, yes };

}  // namespace detail

template <class P>
class policy {
 public:
  // fn(args…), if the policy lets it: its outcome; else a rejection, without an exception
  // (rejection.hpp). `fn` and `args` are kept until its task has ended; `fn` may be called several
  // times. A function that gives an outcome is judged by what is in it. Cancellation: of what the
  // call is waiting for; what it holds is given back. Throws nothing but what a classifier throws.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(F fn, Args... args) {
    return start<outcome<detail::call_value_t<F, Args...>>>(self(), std::move(fn),
                                                            std::move(args)...);
  }
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(F fn, Args... args) const {
    return start<outcome<detail::call_value_t<F, Args...>>>(self(), std::move(fn),
                                                            std::move(args)...);
  }
  // The same, giving the value or throwing: the call's own exception, or `rejected`.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(F fn, Args... args) {
    return start<detail::call_value_t<F, Args...>>(self(), std::move(fn), std::move(args)...);
  }
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(F fn, Args... args) const {
    return start<detail::call_value_t<F, Args...>>(self(), std::move(fn), std::move(args)...);
  }

 protected:
  policy& operator=(const policy&) = default;
  ~policy() = default;

 private:
  friend P;  // and nobody else derives from it
  policy() = default;
  policy(const policy&) = default;

  P& self() noexcept { return static_cast<P&>(*this); }
  const P& self() const noexcept { return static_cast<const P&>(*this); }
  template <class Given, class Self, class F, class... Args>
  static task<Given> start(Self& self, F&& fn, Args&&... args) {
    using held = std::tuple<std::conditional_t<std::is_copy_constructible_v<P>, P, Self&>>;
    return detail::run_policies<Given, detail::call_value_t<F, Args...>>(
        held(self), std::forward<F>(fn), std::forward<Args>(args)...);
  }
};

}  // namespace rondo
