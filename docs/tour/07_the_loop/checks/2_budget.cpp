// A task that takes a thousand numbers, and one that counts its own turns meanwhile.
#include "../../stage/check.hpp"
#include "../../stage/turns.hpp"

#include EXERCISE

namespace {

struct counts {
  int taken = 0;
  int turns_of_the_other = 0;
  int most_in_a_turn = 0;
  bool ended = false;
};

tour::task<> greedy(tour::loop& l, int n, counts& c) {
  tour::full_box box(l);
  long turn = -1;
  int in_this_turn = 0;
  for (int i = 0; i < n; ++i) {
    const int number = co_await box.take();
    tour::check(number == i + 1, "the number after %d was %d", i, number);
    in_this_turn = turn == l.turns() ? in_this_turn + 1 : 1;
    turn = l.turns();
    if (in_this_turn > c.most_in_a_turn) c.most_in_a_turn = in_this_turn;
    ++c.taken;
  }
  c.ended = true;
}

tour::task<> other(tour::loop& l, counts& c) {
  while (!c.ended) {
    ++c.turns_of_the_other;
    co_await tour::next_turn{l};
  }
}

}  // namespace

int main() {
  constexpr int n = 1000, rounds = (n + tour::budget - 1) / tour::budget;
  tour::loop l;
  counts c;
  l.spawn(greedy(l, n, c));
  l.spawn(other(l, c));
  l.run();
  tour::check(c.taken == n, "%d of %d numbers were taken", c.taken, n);
  tour::check(c.most_in_a_turn <= tour::budget, "%d were taken in one turn, and %d are allowed",
              c.most_in_a_turn, tour::budget);
  tour::check(c.most_in_a_turn == tour::budget,
              "no more than %d were taken in one turn: %d are allowed", c.most_in_a_turn,
              tour::budget);
  tour::check(c.turns_of_the_other >= rounds - 1, "the other task has had %d turns",
              c.turns_of_the_other);
  std::printf("1,000 numbers, %d in a turn, and the other task has had %d turns\n",
              c.most_in_a_turn, c.turns_of_the_other);
}
