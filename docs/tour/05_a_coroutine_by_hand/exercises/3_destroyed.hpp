// Exercise 5.3: destroyed half-way.
//
// A frame may go while the function waits. Then the locals that are there at that moment have to
// go, the latest first, and no others. Take this function apart, with its end at every wait:
//
//   coroutine three_locals(inbox& in) {
//     noisy a("a");
//     co_await in;
//     {
//       noisy b("b");
//       co_await in;
//     }
//     noisy c("c");
//     co_await in;
//   }
//
// This is right as long as it is resumed to its end. When it is not, nobody goes.
#pragma once

#include "../trace.hpp"

namespace tour {

class three_locals {
 public:
  three_locals() = default;
  three_locals(const three_locals&) = delete;

  // True: it has returned.
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
