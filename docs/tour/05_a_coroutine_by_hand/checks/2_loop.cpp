// All sequences of four numbers out of five, and every n up to four, beside the compiler.
#include "../../stage/check.hpp"
#include "../inbox.hpp"

#include EXERCISE

namespace {

tour::coroutine by_compiler(tour::inbox& in, int n, int& result) {
  for (int i = 0; i < n; ++i) {
    const int came = co_await in;
    if (came == 0) break;
    if (came % 2 == 0) continue;
    result += came;
  }
  result *= 10;
}

}  // namespace

int main() {
  constexpr int numbers[] = {1, 4, 0, 7, -3};
  for (int code = 0; code < 5 * 5 * 5 * 5; ++code) {
    int come[4];
    for (int i = 0, rest = code; i < 4; ++i, rest /= 5) come[i] = numbers[rest % 5];
    for (int n = 0; n <= 4; ++n) {
      tour::inbox in;
      int result = 0;
      tour::coroutine c = by_compiler(in, n, result);
      tour::sum_of_odd by_hand(n);
      for (int waits = 0;; ++waits) {
        in.came = waits == 0 ? 0 : come[waits - 1];
        c.resume();
        const bool ended = by_hand.resume(in.came);
        tour::check(ended == c.done(),
                    "n = %d, numbers %d %d %d %d: after %d of them the compiler's has %sreturned, "
                    "and yours has %sreturned",
                    n, come[0], come[1], come[2], come[3], waits, c.done() ? "" : "not ",
                    ended ? "" : "not ");
        if (ended) break;
      }
      tour::check(by_hand.result == result,
                  "n = %d, numbers %d %d %d %d: the compiler's result is %d, and yours is %d", n,
                  come[0], come[1], come[2], come[3], result, by_hand.result);
    }
  }
  std::puts("3,125 runs, and the two always return together, with the same");
}
