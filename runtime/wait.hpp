// The base of everything a task can wait on that is not a task: timers, I/O, queues, scopes.
//
// Writing your own: derive from custom_awaitable, give it begin(), cancel() and await_resume():
//
//   struct my_wait : rondo::custom_awaitable {
//     bool begin(rondo::waiting_task& t) noexcept override {
//       if (already_there()) return true;  // goes on at once, draws on the budget
//       // A cancellation point, before the wait starts: true for a task that is to stop,
//       // which is then not resumed. In two steps: if (t.must_stop()) { t.wake_stopped();
//       // return false; }
//       if (t.stops_here()) return false;
//       remember(t);
//       t.wait_on(*this);                  // later: t.wake()
//       return false;
//     }
//     void cancel(rondo::waiting_task& t) noexcept override { forget(t); t.wake_stopped(); }
//     int await_resume();
//   };
//
// The rules. Everything happens on the loop's thread; from another, go through loop.post. After
// wait_on exactly one of wake (it happened: the task resumes in its turn, even if it is cancelled
// before) and wake_stopped (it did not, and will not) is called, once. cancel is called at most
// once, only while the task waits here; it may lead to either, now or later. begin, cancel, wake
// and wake_stopped run no code of the task's. describe(v) may name the wait in the task tree:
// v.waits_for("a ticket").
//
// An awaiter may be moved until it is awaited, never afterwards. It lives in the awaiting
// coroutine's frame until the wait is over.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/task.hpp>

#include <coroutine>
#include <tuple>
#include <type_traits>
#include <utility>

namespace rondo::detail {

class wait_base : public waitable, public awaitable_tag {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    static_assert(std::is_base_of_v<promise_base, Promise>,
                  "Rondo's awaitables work only in a rondo::task");
    return suspend_on(h.promise(), *this);
  }

 protected:
  ~wait_base() = default;
};

// A wait that stands in a line until it is woken; cancelled, it leaves the line at once.
class line_wait : public wait_base, public list_node {
 public:
  void cancel(job& j) noexcept override {
    unlink();
    j.wake_stopped();
  }
  // Of one that has been taken out of its line: what it waited for has happened.
  void wake() noexcept { job_->wake(); }

 protected:
  // What begin() ends with, as in `return stand_in(line, j)`: false.
  template <class W>
  bool stand_in(intrusive_list<W>& line, job& j) noexcept {
    job_ = &j;
    line.push_back(static_cast<W&>(*this));
    j.wait_on(*this);
    return false;
  }
  ~line_wait() = default;

 private:
  job* job_ = nullptr;
};

// What co_await gives for an awaitable.
template <class A>
decltype(auto) awaiter_of(A&& a) {
  if constexpr (requires { static_cast<A&&>(a).operator co_await(); })
    return static_cast<A&&>(a).operator co_await();
  else
    return static_cast<A&&>(a);
}
template <class A>
using awaited_t = decltype(awaiter_of(std::declval<A>()).await_resume());

template <class X>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

// fn(args…) gives something to await.
template <class F, class... Args>
concept async_callable = std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...> &&
                         awaitable<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

template <class F, class... Args>
using called_t = awaited_t<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

template <class A>
task<awaited_t<A>> await_kept(A a) {
  co_return co_await std::move(a);
}
// Keeps the callable and its arguments in this frame until the task it made has ended.
template <class F, class... Args>
task<called_t<F, Args...>> call_kept(F f, Args... args) {
  co_return co_await std::apply(std::move(f), std::forward_as_tuple(std::move(args)...));
}

// What every function that takes a task accepts: a task, another awaitable, or a callable with
// arguments.
template <class T>
task<T> to_task(task<T>&& t) noexcept {
  return std::move(t);
}
template <class A>
  requires awaitable<A> && (!is_task<std::remove_cvref_t<A>>) &&
           (!async_callable<A>) && std::is_constructible_v<std::decay_t<A>, A>
task<awaited_t<std::decay_t<A>>> to_task(A&& a) {
  return await_kept<std::decay_t<A>>(std::forward<A>(a));
}
template <class F, class... Args>
  requires async_callable<F, Args...>
task<called_t<F, Args...>> to_task(F&& f, Args&&... args) {
  return call_kept<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(f),
                                                           std::forward<Args>(args)...);
}

template <class... X>
concept taskable = requires(X&&... x) { to_task(std::forward<X>(x)...); };
template <class... X>
using task_value_t = typename decltype(to_task(std::declval<X>()...))::value_type;

// What a function gives that refuses its arguments. It can be awaited, and fits wherever the result
// would have gone, so that the sentence of the refusal is the only error.
struct refused : awaitable_tag {
  struct anything {
    template <class T>
    operator T() const;  // NOLINT(google-explicit-constructor)
  };
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<>) const noexcept;
  anything await_resume() const;
};

// Refuses what no task can be made of, with the sentence that fits.
template <class First = void, class... Rest>
consteval void refuse_task() {
  using plain = std::remove_cvref_t<First>;
  constexpr bool lonely_awaitable = sizeof...(Rest) == 0 && awaitable<First>;
  constexpr bool is_const = std::is_const_v<std::remove_reference_t<First>>;
  constexpr bool called = requires(std::decay_t<First> f, std::decay_t<Rest>... rest) {
    std::move(f)(std::move(rest)...);
  };
  constexpr bool with_arguments = sizeof...(Rest) > 0;
  static_assert(!(is_task<plain> && is_const),
                "a const task can be neither awaited nor handed over: awaiting takes it apart");
  static_assert(!lonely_awaitable || (is_task<plain> && is_const),
                "what is to be awaited is handed over as an rvalue: a call, or std::move(t)");
  static_assert(
      lonely_awaitable || !called,
      "this callable gives nothing to await: make it a coroutine, -> task<> with a co_await "
      "or co_return in it");
  static_assert(lonely_awaitable || called || !with_arguments,
                "this cannot be called with these arguments: they are kept, and handed over as "
                "rvalues (std::ref(x) hands over a reference)");
  static_assert(
      lonely_awaitable || called || with_arguments,
      "this is neither a task, nor another of Rondo's awaitables, nor a callable that gives "
      "one");
}
template <class X>
consteval void refuse_unless_taskable() {
  if constexpr (!taskable<X>) refuse_task<X>();
}

}  // namespace rondo::detail

namespace rondo {

// For awaitables of one's own: the rules are at the top of this file.
using custom_awaitable = detail::wait_base;
using waiting_task = detail::job;

}  // namespace rondo
