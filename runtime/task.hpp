// task<T>: a coroutine that is awaited once.
//
//   task<int> answer() { co_await sleep_for(1s); co_return 42; }
//   int n = co_await answer();
//
// A task is lazy: nothing runs until it is awaited, spawned or handed to run(). It is move-only and
// awaited as an rvalue: a call, or std::move(t). Awaiting moves the frame into the awaiter, inside
// the frame of the task that awaits; so a task that runs is always owned by exactly one other, and
// cancellation can take a chain of them apart from the inside out (job.hpp).
//
// Starting a task and returning from it are symmetric transfers: a million awaits in a row and a
// chain 200,000 deep need no more stack than one.
//
// Coroutine parameters are copied into the frame; take them by value unless what they refer to is
// known to outlive the task. A lambda with captures must outlive its coroutine: hand such a lambda
// itself to spawn, timeout and the others, which keep it until its task has ended.
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#error "Rondo: GCC older than 13 miscompiles coroutines; use CXX=clang++-19"
#endif
#if defined(__clang__) && __clang_major__ < 16
#error "Rondo: clang older than 16 miscompiles coroutines; use CXX=clang++-19"
#endif

#include <rondo/runtime/core/job.hpp>
#include <rondo/runtime/outcome.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace rondo {

template <class T = void>
class task;

namespace detail {

// Marks a type whose co_await is Rondo's. The contract for one's own awaitables: derive from
// custom_awaitable (wait.hpp) and follow what is written there.
struct awaitable_tag {};

template <class A>
concept awaitable = std::is_base_of_v<awaitable_tag, std::remove_cvref_t<A>>;

// Where a task leaves its result. Over-aligned values live outside, because a promise must stand at
// a fixed offset in its frame.
template <class T>
class result_slot {
  static constexpr bool boxed = alignof(T) > 16;
  using held = std::conditional_t<boxed, std::unique_ptr<T>, T>;

 public:
  result_slot() noexcept {}
  result_slot(const result_slot&) = delete;
  result_slot& operator=(const result_slot&) = delete;
  ~result_slot() {
    if (state_ == state::value) value_.~held();
    if (state_ == state::error) error_.~exception_ptr();
  }

  template <class U>
  void set_value(U&& u) {
    if constexpr (boxed)
      ::new (static_cast<void*>(&value_)) held(std::make_unique<T>(std::forward<U>(u)));
    else
      ::new (static_cast<void*>(&value_)) held(std::forward<U>(u));
    state_ = state::value;
  }
  void set_error(std::exception_ptr e) noexcept {
    // A throw after co_return (from a local's destructor) replaces the value.
    if (state_ == state::value) value_.~held();
    ::new (&error_) std::exception_ptr(std::move(e));
    state_ = state::error;
  }
  T take() {
    if (state_ == state::error) [[unlikely]]
      std::rethrow_exception(error_);
    if constexpr (boxed)
      return std::move(*value_);
    else
      return std::move(value_);
  }
  bool has_error() const noexcept { return state_ == state::error; }
  outcome<T> take_outcome() {
    if (state_ == state::error) return outcome<T>(std::move(error_));
    return outcome<T>(std::in_place, take());
  }

 private:
  enum class state : std::uint8_t { none, value, error };
  union {
    held value_;
    std::exception_ptr error_;
  };
  state state_ = state::none;
};

template <class T>
class result_slot<T&> {
 public:
  void set_value(T& value) noexcept { value_ = &value; }
  void set_error(std::exception_ptr e) noexcept { error_ = std::move(e); }
  T& take() {
    if (error_) [[unlikely]]
      std::rethrow_exception(error_);
    return *value_;
  }
  bool has_error() const noexcept { return static_cast<bool>(error_); }
  outcome<T&> take_outcome() {
    if (error_) return outcome<T&>(std::move(error_));
    return outcome<T&>(std::in_place, value_);
  }

 private:
  T* value_ = nullptr;
  std::exception_ptr error_;
};

template <>
class result_slot<void> {
 public:
  void set_error(std::exception_ptr e) noexcept { error_ = std::move(e); }
  void take() {
    if (error_) [[unlikely]]
      std::rethrow_exception(error_);
  }
  bool has_error() const noexcept { return static_cast<bool>(error_); }
  outcome<void> take_outcome() {
    if (error_) return outcome<void>(std::move(error_));
    return outcome<void>(std::in_place);
  }

 private:
  std::exception_ptr error_;
};

// Resumes the awaiting task, or tells the job that its root is done.
struct final_awaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
    promise_base& p = finished.promise();
    if (p.parent) [[likely]]
      return frame_of(*p.parent);
    this_thread.current->finish();
    return std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

template <class T>
struct promise_common : promise_base {
  result_slot<T> result;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept {
    if (this_thread.unwinding) [[unlikely]]
      exception_while_unwinding();  // clang leads a local's throwing destructor here
    result.set_error(std::current_exception());
  }

  template <class A>
  A&& await_transform(A&& a,
                      std::source_location where = std::source_location::current()) noexcept {
    this->awaiting = where;
    static_assert(
        awaitable<A>,
        "a rondo::task can await only Rondo's awaitables: another library's know nothing of "
        "Rondo's cancellation; bridge them with rondo::make_promise or rondo::to_thread");
    if constexpr (requires { typename std::remove_cvref_t<A>::promise_type; }) {
      static_assert(!std::is_const_v<std::remove_reference_t<A>>,
                    "a const task cannot be awaited: awaiting takes it apart");
      static_assert(!std::is_lvalue_reference_v<A>,
                    "a task is awaited once, as an rvalue: co_await std::move(t)");
    }
    return static_cast<A&&>(a);
  }
};

template <class T>
struct promise : promise_common<T> {
  static_assert(!std::is_rvalue_reference_v<T>, "a task cannot return an rvalue reference");
  static_assert(alignof(stored_t<T>) <= frame_alignment,
                "a task's result is aligned to 64 bytes at most");
  // The place is that of the coroutine: what the tree shows of a task that has not begun.
  task<T> get_return_object(std::source_location where = std::source_location::current()) noexcept;
  template <class U = T>
    requires(std::is_convertible_v<U, T> && !std::is_arithmetic_v<T>)
  void return_value(U&& value) {
    this->result.set_value(std::forward<U>(value));
  }
  // A number is converted where co_return stands, so that a warning about it is about that line.
  void return_value(T value)
    requires std::is_arithmetic_v<T>
  {
    this->result.set_value(value);
  }
};
template <>
struct promise<void> : promise_common<void> {
  task<void> get_return_object(
      std::source_location where = std::source_location::current()) noexcept;
  void return_void() const noexcept {}
};

// That of a task<T>'s frame.
template <class T>
promise<T>& promise_of(std::coroutine_handle<> frame) noexcept {
  return std::coroutine_handle<promise<T>>::from_address(frame.address()).promise();
}

template <class T>
class [[nodiscard("without co_await nothing happens")]] task_awaiter : public awaitable_tag {
 public:
  explicit task_awaiter(std::coroutine_handle<> frame) noexcept : frame_(frame) {}

  bool await_ready() const noexcept { return false; }
  template <class Parent>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Parent> parent) noexcept {
    static_assert(std::is_base_of_v<promise_base, Parent>,
                  "a rondo::task can be awaited only in a rondo::task");
    promise_base& child = child_promise();
    if (this_thread.budget == 0) [[unlikely]]  // or there is no job at all
      return start_without_budget(child, parent.promise());
    child.parent = &parent.promise();
    child.holder = &frame_;
    --this_thread.budget;
    return frame_.get();
  }
  T await_resume() { return child_promise().result.take(); }
  outcome<T> take_outcome() { return child_promise().result.take_outcome(); }

 private:
  // The budget is spent: others have their turn before the child takes its first step.
  std::coroutine_handle<> start_without_budget(promise_base& child, promise_base& parent) noexcept {
    const bool always = child.parent == &enters_always || child.parent == &enters_to_clean_up;
    child.parent = &parent;
    child.holder = &frame_;
    job& j = current_job();
    if (spend_watched_budget()) return frame_.get();
    j.set_leaf(child);  // it has not started: resuming it later is starting it
    if (always)
      j.wake();
    else if (!j.stops_here())
      j.yield();
    return std::noop_coroutine();
  }
  promise<T>& child_promise() noexcept { return promise_of<T>(frame_.get()); }
  frame_owner frame_;
};

}  // namespace detail

template <class T>
class [[nodiscard("without co_await nothing happens")]] task : public detail::awaitable_tag {
 public:
  using promise_type = detail::promise<T>;
  using value_type = T;

  // An empty task, to be assigned to; awaiting it ends the program.
  task() noexcept = default;
  task(task&&) noexcept = default;
  task& operator=(task&& other) noexcept {
    report_if_dropped();
    frame_ = std::move(other.frame_);
    return *this;
  }
  ~task() { report_if_dropped(); }

  // False for a moved-from or empty task. Of a call, as in `if (may_enter(user))`, it would always
  // be true.
  explicit operator bool() const& noexcept { return static_cast<bool>(frame_); }
  explicit operator bool() const&& = delete;  // no answer until it is awaited: co_await it

  detail::task_awaiter<T> operator co_await() && noexcept {
    return detail::task_awaiter<T>(release());
  }

  // For the library: awaiting it is not a cancellation point.
  task&& entered_always() && noexcept {
    detail::promise_of(frame_.get()).parent = &detail::enters_always;
    return std::move(*this);
  }
  // For the library: nor is the time before its first step as a job.
  task&& entered_to_clean_up() && noexcept {
    detail::promise_of(frame_.get()).parent = &detail::enters_to_clean_up;
    return std::move(*this);
  }
  bool cleans_up() const noexcept { return detail::cleans_up(frame_); }
  // For the library: hands the frame to an owner.
  std::coroutine_handle<> release() noexcept {
    if (!frame_)
      detail::fatal("an empty task was awaited or spawned: it was moved from, or awaited already");
    return frame_.release();
  }

 private:
  friend detail::promise<T>;
  explicit task(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
  // A cancelled task takes what it has not awaited with it; that is no mistake.
  void report_if_dropped() const noexcept {
    if (frame_ && detail::this_thread.debug && !detail::this_thread.unwinding) [[unlikely]]
      detail::report_never_awaited(frame_.get());
  }
  detail::frame_owner frame_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object(std::source_location where) noexcept {
  this->awaiting = where;
  static_assert(alignof(promise) <= 16);
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object(std::source_location where) noexcept {
  awaiting = where;
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace rondo
