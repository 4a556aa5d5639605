// Wrong: exits with 1 and says "1000 awaits, and the other task has had 0 turns".
//
// "It awaits something in each round, so the others have their turn." An await that need not wait
// goes on at once (chapter 6), and nobody else has a turn before it really waits, or ends.
#include "../stage/turns.hpp"

#include <cstdio>

using tour::task;

// begin wrong
task<int> next_number(int n) { co_return n + 1; }

task<> greedy(const int& turns_of_the_other) {
  int n = 0;
  while (n < 1000) n = co_await next_number(n);
  std::printf("%d awaits, and the other task has had %d turns\n", n, turns_of_the_other);
}
// end wrong

task<> other(tour::loop& l, int& turns, const bool& ended) {
  while (!ended) {
    ++turns;
    co_await tour::next_turn{l};
  }
}

task<> then(tour::task<> t, bool& ended) {
  co_await std::move(t);
  ended = true;
}

int main() {
  tour::loop l;
  int turns = 0;
  bool ended = false;
  l.spawn(then(greedy(turns), ended));
  l.spawn(other(l, turns, ended));
  l.run();
  return turns > 1 ? 0 : 1;
}
