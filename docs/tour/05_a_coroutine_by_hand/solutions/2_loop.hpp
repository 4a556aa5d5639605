// Exercise 5.2: a loop with a wait in it. The case stands inside the loop, and a switch may jump
// there; i is a member, since it lives across the wait, and is not begun anew.
#pragma once

namespace tour {

class sum_of_odd {
 public:
  explicit sum_of_odd(int n) : n_(n) {}

  bool resume(int came) {
    switch (next_line_) {
      case 0:
        for (; i_ < n_; ++i_) {
          next_line_ = 1;
          return false;
          case 1:
            if (came == 0) break;
            if (came % 2 == 0) continue;
            result += came;
        }
        result *= 10;
    }
    return true;
  }

  int result = 0;

 private:
  int n_;
  int i_ = 0;
  int next_line_ = 0;
};

}  // namespace tour
