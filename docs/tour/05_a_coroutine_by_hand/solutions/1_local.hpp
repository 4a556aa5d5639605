// Exercise 5.1: a local that lives across a wait is a member. `sum` is written before one wait and
// read after the next, and so is sum_of_one. What lives only between two waits may stay a local.
#pragma once

namespace tour {

class average {
 public:
  bool resume(int came) {
    switch (next_line_) {
      case 0: next_line_ = 1; return false;
      case 1:
        sum_ += came;
        sum_of_one_ = sum_;
        next_line_ = 2;
        return false;
      default:
        sum_ += came;
        result = sum_ / 2 + sum_of_one_;
        return true;
    }
  }

  int result = 0;

 private:
  int next_line_ = 0;
  int sum_ = 0;
  int sum_of_one_ = 0;
};

}  // namespace tour
