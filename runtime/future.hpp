// promise and future: one value, from anywhere on the loop to one task.
//
//   auto [p, f] = make_promise<int>();
//   some_callback_api([p = std::move(p)](int n) mutable { p.set_value(n); });
//   int n = co_await std::move(f);
//
// The bridge from callbacks to tasks. Both ends belong to one loop's thread; from other threads go
// through loop.post.
#pragma once

#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/wait.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace rondo {

// The promise went without a value.
class broken_promise : public std::runtime_error {
 public:
  broken_promise() : std::runtime_error("the promise was dropped without a value") {}
};

namespace detail {

template <class T>
struct promised : pooled {
  std::optional<outcome<T>> result;
  job* waiter = nullptr;
  int ends = 2;

  void drop() noexcept {
    if (--ends == 0) delete this;
  }
  template <class... Args>
  void settle(Args&&... args) {
    if (result) throw std::logic_error("promise: a value has been set already");
    result.emplace(std::forward<Args>(args)...);
    if (waiter) std::exchange(waiter, nullptr)->wake();
  }
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] future_wait final : public wait_base {
 public:
  explicit future_wait(promised<T>* s) noexcept : state_(s) {}
  future_wait(future_wait&& other) noexcept
      : wait_base(other), state_(std::exchange(other.state_, nullptr)) {}
  future_wait& operator=(future_wait&&) = delete;
  ~future_wait() {
    if (state_) state_->drop();
  }
  bool begin(job& j) noexcept override {
    if (state_->result) return true;
    if (j.stops_here()) return false;
    state_->waiter = &j;
    j.wait_on(*this);
    return false;
  }
  void cancel(job& j) noexcept override {
    state_->waiter = nullptr;
    j.wake_stopped();
  }
  void describe(wait_visitor& v) const override { v.waits_for("a future"); }
  T await_resume() { return take_outcome().value(); }
  outcome<T> take_outcome() { return std::move(*state_->result); }

 private:
  promised<T>* state_;
};

}  // namespace detail

template <class T>
class future;

// The giving end. Dropped without a value, the future throws broken_promise.
template <class T>
class promise {
 public:
  promise(promise&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  promise& operator=(promise&& other) noexcept {
    promise taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
  }
  ~promise() {
    if (!state_) return;
    if (!state_->result) state_->settle(std::make_exception_ptr(broken_promise()));
    state_->drop();
  }

  // Once; std::logic_error the second time.
  template <class... Args>
  void set_value(Args&&... args) {
    if constexpr (std::is_reference_v<T>)
      state().settle(std::in_place, std::addressof(args)...);
    else
      state().settle(std::in_place, std::forward<Args>(args)...);
  }
  void set_exception(std::exception_ptr e) { state().settle(std::move(e)); }
  // True when nobody can take the value any more.
  bool abandoned() const { return state().ends == 1; }

 private:
  template <class U>
  friend std::pair<promise<U>, future<U>> make_promise();
  explicit promise(detail::promised<T>* s) noexcept : state_(s) {}
  detail::promised<T>& state() const {
    if (!state_) throw std::logic_error("promise: used after it was moved from");
    return *state_;
  }
  detail::promised<T>* state_;
};

// The taking end, awaited once, as an rvalue: the value, or throws the exception that was set.
// Cancelled: the promise is abandoned.
template <class T>
class [[nodiscard("without co_await nothing happens")]] future : public detail::awaitable_tag {
 public:
  future(future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  future& operator=(future&& other) noexcept {
    future taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
  }
  ~future() {
    if (state_) state_->drop();
  }
  // True when awaiting it would not wait.
  bool is_ready() const noexcept { return state_ && state_->result; }
  detail::future_wait<T> operator co_await() && noexcept {
    if (!state_)
      detail::fatal("an empty future was awaited: it was moved from, or awaited already");
    return detail::future_wait<T>(std::exchange(state_, nullptr));
  }

 private:
  template <class U>
  friend std::pair<promise<U>, future<U>> make_promise();
  explicit future(detail::promised<T>* s) noexcept : state_(s) {}
  detail::promised<T>* state_;
};

// Throws std::bad_alloc.
template <class T>
std::pair<promise<T>, future<T>> make_promise() {
  auto* state = new detail::promised<T>();
  return {promise<T>(state), future<T>(state)};
}

}  // namespace rondo
