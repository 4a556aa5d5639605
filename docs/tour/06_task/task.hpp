// task<T>: a coroutine that is awaited once, and gives a T or throws.
//
//   task<int> answer() { co_return 42; }
//   int n = co_await answer();
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace tour {

// begin promise
struct promise_base {
  std::coroutine_handle<> waiter = std::noop_coroutine();  // who goes on when this has ended
  std::exception_ptr error;

  struct goes_back {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return ended.promise().waiter;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  goes_back final_suspend() const noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }
};
// end promise

template <class T>
struct result : promise_base {
  T value{};

  void return_value(T v) { value = std::move(v); }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(value);
  }
};

template <>
struct result<void> : promise_base {
  void return_void() const {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

// begin task
template <class T = void>
class [[nodiscard]] task {
 public:
  struct promise_type : result<T> {
    task get_return_object() { return task(handle::from_promise(*this)); }
  };
  using handle = std::coroutine_handle<promise_type>;

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }

  // What co_await asks. The task stays in the awaiting expression, and so in the frame that waits.
  struct awaiter {
    handle frame;

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) const noexcept {
      frame.promise().waiter = waiter;
      return frame;
    }
    T await_resume() const { return frame.promise().take(); }
  };
  awaiter operator co_await() const&& noexcept { return {frame_}; }

  // For whoever is no coroutine: begins it; and, when it has ended, its result.
  void start() const { frame_.resume(); }
  T get() const { return frame_.promise().take(); }

 private:
  explicit task(handle frame) : frame_(frame) {}
  handle frame_;
};
// end task

}  // namespace tour
