// Exercise 6.3: the task that nobody awaited.
//
// A lazy task that is dropped has done nothing, without a word: the commonest mistake of all. The
// compiler warns of some ([[nodiscard]]), but not of a task that has a name. Let the owner of a
// frame count those that go without having been handed to anybody.
#pragma once

#include <coroutine>
#include <utility>

namespace tour {

inline int never_awaited = 0;

// What a task is made of: it owns a frame until somebody awaits it.
class unstarted {
 public:
  unstarted() = default;
  explicit unstarted(std::coroutine_handle<> frame) : frame_(frame) {}
  unstarted(unstarted&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  unstarted& operator=(unstarted&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~unstarted() {
    if (frame_) frame_.destroy();
  }

  // It is awaited: whoever awaits it owns the frame now.
  std::coroutine_handle<> hand_over() { return frame_; }

 private:
  std::coroutine_handle<> frame_;
};

}  // namespace tour
