// Wrong: the address sanitizer says "stack-use-after-return".
//
// To spawn and forget. The child counts in a local of its parent, which need not wait for it, and
// has long returned when the child goes on.
#include "pause.hpp"

#include <cstdio>

// begin wrong
tour::task<> count(tour::timed_loop& l, int& seen) {
  co_await tour::sleep_for(l, 1);
  ++seen;
}

tour::task<> count_two(tour::timed_loop& l) {
  int seen = 0;
  l.spawn(count(l, seen));
  l.spawn(count(l, seen));
  std::printf("%d seen, and both are still to come\n", seen);
  co_return;
}
// end wrong

int main() {
  tour::timed_loop l;
  l.spawn(count_two(l));
  l.run();
}
