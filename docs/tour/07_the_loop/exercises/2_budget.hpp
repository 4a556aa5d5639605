// Exercise 7.2: a budget.
//
// A box always has something in it, so that nobody who takes from it ever has to wait: a task that
// does nothing else keeps all others from running. Let a task take so many in one turn (`budget`),
// and go to the end of the list before it takes the next one. In each turn of the loop it has a new
// budget.
#pragma once

#include "../loop.hpp"

namespace tour {

constexpr int budget = 64;

class full_box {
 public:
  explicit full_box(loop& l) : of_(l) {}

  // co_await box.take(): the next number.
  auto take() { return taking{*this}; }

 private:
  struct taking {
    full_box& box;
    bool await_ready() const { return true; }
    void await_suspend(std::coroutine_handle<>) const {}
    int await_resume() const { return ++box.last_; }
  };

  [[maybe_unused]] loop& of_;
  int last_ = 0;
};

}  // namespace tour
