// Three numbers and their sum; and a sum that is told to stop when one of them has come.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/numbers.hpp"

#include EXERCISE

namespace {

using tour::number;

tour::task<> collect(tour::loop& l, std::vector<tour::task<int>> tasks, int& into) {
  into = co_await tour::sum_of(l, std::move(tasks));
}

tour::task<> all(tour::timed_loop& l) {
  int sum = 0;
  {
    number a(1), b(20), c(300);
    tour::job j(l, collect(l, tour::read_all(a, b, c), sum));
    co_await tour::some_turns(l);
    tour::check(a.begun && b.begun && c.begun, "not all have begun");
    for (number* n : {&b, &c, &a}) {
      tour::check(!j.ended(), "it gave %d as the sum before all numbers came", sum);
      n->post.arrive();
      co_await tour::some_turns(l);
    }
    tour::check(j.ended() && sum == 321, "the sum of 1, 20 and 300 was %d", sum);
  }
  number a(1), b(2);
  tour::job j(l, collect(l, tour::read_all(a, b), sum));
  co_await tour::some_turns(l);
  a.post.arrive();
  co_await tour::some_turns(l);
  j.cancel();
  co_await tour::some_turns(l);
  tour::check(j.stopped(), "it was told to stop, and has not ended");
  tour::check(!a.alive && !b.alive, "it has ended, and somebody goes on in the background");
}

}  // namespace

int main() {
  tour::timed_loop l;
  l.spawn(all(l));
  l.run();
  std::puts("the sum is there when all have come, and nobody goes on without it");
}
