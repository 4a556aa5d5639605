// Exercise 5.2: a loop with a wait in it.
//
// Take this function apart:
//
//   coroutine sum_of_odd(inbox& in, int n, int& result) {
//     for (int i = 0; i < n; ++i) {
//       const int came = co_await in;
//       if (came == 0) break;
//       if (came % 2 == 0) continue;
//       result += came;
//     }
//     result *= 10;
//   }
//
// It begins when it is resumed for the first time, and with n = 0 it returns without any wait.
#pragma once

namespace tour {

class sum_of_odd {
 public:
  explicit sum_of_odd(int n) : n_(n) {}

  // As in exercise 5.1. True: it has returned.
  bool resume(int came) {
    if (i_++ == 0) return false;
    result += came;
    return i_ > n_;
  }

  int result = 0;

 private:
  int n_;
  int i_ = 0;
};

}  // namespace tour
