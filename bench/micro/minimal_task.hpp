// The yardstick: the least that a coroutine task can be. No cancellation, no owner, no exceptions,
// no budget, and a recycled frame. What rondo::task costs more than this is what its promises cost.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>

namespace rondo::bench {

class minimal_task {
 public:
  struct promise_type {
    std::coroutine_handle<> parent = std::noop_coroutine();
    int result = 0;

    minimal_task get_return_object() noexcept { return minimal_task(handle::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct to_parent {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(
            std::coroutine_handle<promise_type> h) const noexcept {
          return h.promise().parent;
        }
        void await_resume() const noexcept {}
      };
      return to_parent{};
    }
    void return_value(int r) noexcept { result = r; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

    // One size of frame, so that the list needs no classes.
    static void* operator new(std::size_t size) {
      if (!free_) return ::operator new(size);
      return std::exchange(free_, free_->next);
    }
    static void operator delete(void* frame, std::size_t) noexcept {
      free_ = ::new (frame) block{free_};
    }
  };

  explicit minimal_task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  minimal_task(minimal_task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  minimal_task& operator=(minimal_task&&) = delete;
  ~minimal_task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept {
    frame_.promise().parent = parent;
    return frame_;
  }
  int await_resume() const noexcept { return frame_.promise().result; }

  // For the outermost one.
  void run() { frame_.resume(); }

 private:
  using handle = std::coroutine_handle<promise_type>;
  struct block {
    block* next;
  };
  static inline constinit thread_local block* free_ = nullptr;

  handle frame_;
};

}  // namespace rondo::bench
