// Exercise 5.1: a local that lives across a wait.
//
// This is the function, and what stands below is what somebody made of it by hand:
//
//   coroutine average(inbox& in, int& result) {
//     int sum = 0;
//     sum += co_await in;
//     const int sum_of_one = sum;
//     sum += co_await in;
//     result = sum / 2 + sum_of_one;
//   }
//
// Its result is wrong. Mend it.
#pragma once

namespace tour {

class average {
 public:
  // Goes on to the next wait. `came`: what the wait that is over has given; the first time there
  // was none. True: it has returned, and `result` is there.
  bool resume(int came) {
    int sum = 0;
    int sum_of_one = 0;
    switch (next_line_) {
      case 0: next_line_ = 1; return false;
      case 1:
        sum += came;
        sum_of_one = sum;
        next_line_ = 2;
        return false;
      default:
        sum += came;
        result = sum / 2 + sum_of_one;
        return true;
    }
  }

  int result = 0;

 private:
  int next_line_ = 0;
};

}  // namespace tour
