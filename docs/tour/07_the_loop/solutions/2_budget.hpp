// Exercise 7.2: a budget. By the number of the turn the box sees that a new one has begun.
#pragma once

#include "../loop.hpp"

namespace tour {

constexpr int budget = 64;

class full_box {
 public:
  explicit full_box(loop& l) : of_(l) {}

  auto take() { return taking{*this}; }

 private:
  struct taking {
    full_box& box;
    bool await_ready() const { return box.may_go_on(); }
    void await_suspend(std::coroutine_handle<> h) const { box.of_.wake(h); }
    int await_resume() const {
      box.may_go_on();  // it may be another turn by now
      --box.left_;
      return ++box.last_;
    }
  };

  bool may_go_on() {
    if (turn_ != of_.turns()) {
      turn_ = of_.turns();
      left_ = budget;
    }
    return left_ > 0;
  }

  loop& of_;
  int last_ = 0;
  long turn_ = -1;
  int left_ = 0;
};

}  // namespace tour
