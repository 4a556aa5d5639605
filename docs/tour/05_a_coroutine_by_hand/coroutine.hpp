// The least that a coroutine needs: an object that owns its frame, and something to await.
#pragma once

#include "../04_callbacks/operation_loop.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>

namespace tour {

inline std::size_t latest_frame = 0;  // bytes

// begin coroutine
class coroutine {
 public:
  struct promise_type {
    coroutine get_return_object() {
      return coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }  // before the first line
    std::suspend_always final_suspend() noexcept { return {}; }    // after the last
    void return_void() {}
    void unhandled_exception() { std::terminate(); }  // until chapter 6
    static void* operator new(std::size_t size) { return ::operator new(latest_frame = size); }
  };

  coroutine(coroutine&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  coroutine& operator=(coroutine&&) = delete;
  ~coroutine() {
    if (frame_) frame_.destroy();
  }

  // Goes on to the next co_await, or to the end.
  void resume() { frame_.resume(); }
  bool done() const { return frame_.done(); }
  std::coroutine_handle<> handle() const { return frame_; }

 private:
  explicit coroutine(std::coroutine_handle<> frame) : frame_(frame) {}
  std::coroutine_handle<> frame_;
};
// end coroutine

// begin awaiter
// Awaited, it begins the operation; the coroutine goes on when it is completed.
struct completion : operation {
  completion(operation_loop& l, const operation& op) : operation(op), loop(l) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    waits = who;
    completed = [](operation& op) { static_cast<completion&>(op).waits.resume(); };
    loop.start(*this);
  }
  ssize_t await_resume() const { return result; }

  operation_loop& loop;
  std::coroutine_handle<> waits;
};
// end awaiter

}  // namespace tour
