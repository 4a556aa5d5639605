// Exercise 5.3: destroyed half-way. Which locals there are follows from where the function waits;
// this is what the compiler writes when it makes `destroy` of a coroutine.
#pragma once

#include "../trace.hpp"

namespace tour {

class three_locals {
 public:
  three_locals() = default;
  three_locals(const three_locals&) = delete;
  ~three_locals() {
    switch (next_line_) {
      case 1: delete a_; break;
      case 2:
        delete b_;
        delete a_;
        break;
      case 3:
        delete c_;
        delete a_;
        break;
      default: break;  // it has not begun, or has returned
    }
  }

  bool resume() {
    switch (next_line_++) {
      case 0: a_ = new noisy("a"); return false;
      case 1: b_ = new noisy("b"); return false;
      case 2:
        delete b_;
        c_ = new noisy("c");
        return false;
      default:
        delete c_;
        delete a_;
        return true;
    }
  }

 private:
  int next_line_ = 0;
  noisy* a_ = nullptr;
  noisy* b_ = nullptr;
  noisy* c_ = nullptr;
};

}  // namespace tour
