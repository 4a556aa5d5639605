// The function as the compiler takes it apart, beside the one that was taken apart by hand.
#include "../../stage/check.hpp"
#include "../inbox.hpp"

#include EXERCISE

namespace {

tour::coroutine by_compiler(tour::inbox& in, int& result) {
  int sum = 0;
  sum += co_await in;
  const int sum_of_one = sum;
  sum += co_await in;
  result = sum / 2 + sum_of_one;
}

}  // namespace

int main() {
  for (int first = -3; first < 4; ++first) {
    for (int second = -3; second < 4; ++second) {
      tour::inbox in;
      int result = 0;
      tour::coroutine c = by_compiler(in, result);
      tour::average by_hand;
      bool ended = false;
      for (int came : {0, first, second}) {
        tour::check(!ended, "it has returned before the second number came");
        in.came = came;
        c.resume();
        ended = by_hand.resume(came);
      }
      tour::check(ended, "both numbers have come, and it has not returned");
      tour::check(by_hand.result == result, "of %d and %d the compiler makes %d, and you make %d",
                  first, second, result, by_hand.result);
    }
  }
  std::puts("49 pairs of numbers, and the two always agree");
}
