// task_group::start: spawns a child and waits until it says that it is ready.
//
//   task<> serve(started<std::uint16_t> ready, std::uint16_t port) {
//     tcp_listener listener = listen(port);
//     ready(listener.port());  // from here it is a child like any other
//     for (;;) …
//   }
//   const std::uint16_t port = co_await g.start(serve, 0);  // throws what serve threw before that
//
// Until it is ready the child belongs to the call of start: its exception is thrown there and is no
// failure of the group, and a cancellation of the caller cancels it. Afterwards it belongs to the
// group alone. Either way it is a child of the group, which waits for it and may cancel it.
#pragma once

#include <rondo/runtime/task_group.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace rondo {

template <class T>
class started;

namespace detail {

// What the caller of start and its child share. `waiting` until the child is ready or has ended; a
// child that says it is ready when it has been cancelled stays the caller's until it has ended.
class start_state : public pooled {
 public:
  void keep() noexcept { ++references_; }

  bool waiting() const noexcept { return !released_ && !ended_; }
  // The child was ready in time: what becomes of it is the group's affair.
  bool released() const noexcept { return released_; }
  bool ended() const noexcept { return ended_; }
  // The child was unwound, or never ran.
  bool stopped() const noexcept { return ended_ && !returned_; }
  const std::exception_ptr& error() const noexcept { return error_; }
  void wait(job& j) noexcept { waiter_ = &j; }
  void withdraw() noexcept { withdrawn_ = true; }

  // The child has said that it is ready.
  void said() noexcept {
    if (withdrawn_) return;
    released_ = true;
    if (waiter_) std::exchange(waiter_, nullptr)->wake();
  }
  void returned(std::exception_ptr error) noexcept {
    returned_ = true;
    error_ = std::move(error);
  }
  // Everything of the child is gone.
  void end() noexcept {
    ended_ = true;
    if (waiter_) settle(*std::exchange(waiter_, nullptr));
  }
  // As a scope does it: stopped if the child was, else with what came of it.
  void settle(job& j) const noexcept {
    if (stopped() && j.must_stop())
      j.wake_stopped();
    else
      j.wake();
  }

 protected:
  // True: the last reference is gone.
  bool drop() noexcept { return --references_ == 0; }

 private:
  job* waiter_ = nullptr;
  std::exception_ptr error_;  // of the child, before it was ready
  std::uint32_t references_ = 1;
  bool withdrawn_ = false;  // the caller was cancelled
  bool released_ = false;   // ready: the child is the group's
  bool returned_ = false;
  bool ended_ = false;
};

template <class T>
class typed_start_state final : public start_state {
 public:
  template <class... Args>
  void set(Args&&... args) {
    if (value_)
      throw std::logic_error("task_group::start: the child has said that it is ready already");
    if (ended()) throw std::logic_error("task_group::start: ready, but the child has ended");
    if constexpr (std::is_reference_v<T>)
      value_.emplace(std::in_place, std::addressof(args)...);
    else
      value_.emplace(std::in_place, std::forward<Args>(args)...);
    said();
  }
  void drop() noexcept {
    if (start_state::drop()) delete this;
  }
  T take() {
    if (!released()) {
      if (error()) std::rethrow_exception(error());
      if (stopped()) throw cancelled_error();
      if (!value_)
        throw std::logic_error(
            "task_group::start: the child ended without saying that it was ready");
    }
    return std::move(*value_).value();
  }

 private:
  std::optional<outcome<T>> value_;
};

template <class T>
class start_reference {
 public:
  explicit start_reference(typed_start_state<T>& s) noexcept : state_(&s) { s.keep(); }
  start_reference(start_reference&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)) {}
  start_reference& operator=(start_reference&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~start_reference() {
    if (state_) state_->drop();
  }
  explicit operator bool() const noexcept { return state_ != nullptr; }
  typed_start_state<T>& operator*() const noexcept { return *state_; }
  typed_start_state<T>* operator->() const noexcept { return state_; }

 private:
  typed_start_state<T>* state_;
};

// Goes with the child's frame, whether it ran or not.
template <class T>
class start_end {
 public:
  explicit start_end(start_reference<T> s) noexcept : state_(std::move(s)) {}
  start_end(start_end&& other) noexcept = default;
  start_end& operator=(start_end&&) = delete;
  ~start_end() {
    if (state_) state_->end();
  }
  typed_start_state<T>* operator->() const noexcept { return &*state_; }
  start_reference<T> another() const noexcept { return start_reference<T>(*state_); }

 private:
  start_reference<T> state_;
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] start_wait final : public wait_base {
 public:
  start_wait(start_reference<T> s, join_handle<void> child) noexcept
      : state_(std::move(s)), child_(std::move(child)) {}

  // The child's first step comes from the ready list, so this always waits.
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    enter_wait(h.promise(), *this);
  }
  bool begin(job& j) noexcept override {
    if (state_->ended()) {  // the group was being cancelled
      state_->settle(j);
      return false;
    }
    state_->wait(j);
    j.wait_on(*this);
    if (j.must_stop()) cancel(j);
    return false;
  }
  void cancel(job&) noexcept override {
    state_->withdraw();
    child_.cancel();
  }
  void describe(wait_visitor& v) const override { v.waits_for("a child to be ready"); }
  T await_resume() { return state_->take(); }

 private:
  start_reference<T> state_;
  join_handle<void> child_;
};

// The T of a callable whose first parameter is a started<T>.
template <class T>
T started_value(const started<T>&);
template <class F>
struct first_parameter : first_parameter<decltype(&F::operator())> {};
template <class R, class A, class... Rest>
struct first_parameter<R (*)(A, Rest...)> : std::type_identity<A> {};
template <class R, class A, class... Rest>
struct first_parameter<R (*)(A, Rest...) noexcept> : std::type_identity<A> {};
template <class R, class F, class A, class... Rest>
struct first_parameter<R (F::*)(A, Rest...)> : std::type_identity<A> {};
template <class R, class F, class A, class... Rest>
struct first_parameter<R (F::*)(A, Rest...) const> : std::type_identity<A> {};
template <class R, class F, class A, class... Rest>
struct first_parameter<R (F::*)(A, Rest...) noexcept> : std::type_identity<A> {};
template <class R, class F, class A, class... Rest>
struct first_parameter<R (F::*)(A, Rest...) const noexcept> : std::type_identity<A> {};

struct from_callable {};
template <class T, class Fn>
struct start_value : std::type_identity<T> {};
template <class Fn>
struct start_value<from_callable, Fn>
    : std::type_identity<decltype(started_value(
          std::declval<std::add_lvalue_reference_t<typename first_parameter<Fn>::type>>()))> {};

}  // namespace detail

// The child's side: called once, it says that the child is ready. Movable; dropping it says
// nothing.
template <class T>
class [[nodiscard]] started {
 public:
  explicit started(detail::start_reference<T> s) noexcept : state_(std::move(s)) {}

  // Hands `args…` (a T, or what one is made of; nothing for void) to the caller of start. The child
  // runs on. Throws std::logic_error the second time, and when the child has ended.
  template <class... Args>
    requires(std::is_void_v<T> ? sizeof...(Args) == 0 : std::is_constructible_v<T, Args...>)
  void operator()(Args&&... args) {
    if (!state_) throw std::logic_error("task_group::start: `started` was used after it was moved");
    state_->set(std::forward<Args>(args)...);
  }

 private:
  detail::start_reference<T> state_;
};

namespace detail {

template <class T, class Fn, class... Args>
task<> run_started(start_end<T> end, Fn fn, Args... args) {
  started<T> ready(end.another());
  try {
    if constexpr (std::is_invocable_v<Fn, started<T>&, Args...>)
      co_await std::move(fn)(ready, std::move(args)...);
    else
      co_await std::move(fn)(std::move(ready), std::move(args)...);
  } catch (...) {
    if (!end->waiting()) throw;
    end->returned(std::current_exception());
    co_return;
  }
  end->returned(nullptr);
}

template <class T, class Fn, class... Args>
task<T> run_start(task_group& group, Fn fn, Args... args) {
  start_reference<T> state(*new typed_start_state<T>());
  state->drop();  // the reference has its own
  auto child = group.spawn(run_started<T, Fn, Args...>(start_end<T>(start_reference<T>(*state)),
                                                       std::move(fn), std::move(args)...));
  co_return co_await start_wait<T>(std::move(state), std::move(child));
}

}  // namespace detail

template <class T, class Fn, class... Args>
auto task_group::start(Fn fn, Args... args) {
  using value = typename detail::start_value<T, Fn>::type;
  return detail::run_start<value, Fn, Args...>(*this, std::move(fn), std::move(args)...);
}

}  // namespace rondo
