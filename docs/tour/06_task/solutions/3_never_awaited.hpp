// Exercise 6.3: the task that nobody awaited. A frame that is handed over is owned no more, so what
// is still owned at the end was never awaited. The assignment destroys at once what it had, so that
// the count is right when it is made.
#pragma once

#include <coroutine>
#include <utility>

namespace tour {

inline int never_awaited = 0;

class unstarted {
 public:
  unstarted() = default;
  explicit unstarted(std::coroutine_handle<> frame) : frame_(frame) {}
  unstarted(unstarted&& other) noexcept : frame_(other.hand_over()) {}
  unstarted& operator=(unstarted&& other) noexcept {
    if (this != &other) {
      drop();
      frame_ = other.hand_over();
    }
    return *this;
  }
  ~unstarted() { drop(); }

  std::coroutine_handle<> hand_over() { return std::exchange(frame_, nullptr); }

 private:
  void drop() {
    if (!frame_) return;
    ++never_awaited;
    hand_over().destroy();
  }

  std::coroutine_handle<> frame_;
};

}  // namespace tour
