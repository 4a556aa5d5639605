// The second of three wins; two come in the same turn; one fails; and a race is told to stop.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/numbers.hpp"

#include EXERCISE

namespace {

using tour::number;

tour::task<> collect(tour::loop& l, std::vector<tour::task<int>> tasks, int& into, bool& failed) {
  try {
    into = co_await tour::race(l, std::move(tasks));
  } catch (const tour::no_number&) {
    failed = true;
  }
}

tour::task<> all(tour::timed_loop& l) {
  int got = 0;
  bool failed = false;
  {
    number a(1), b(2), c(3);
    tour::job j(l, collect(l, tour::read_all(a, b, c), got, failed));
    co_await tour::some_turns(l);
    tour::check(a.begun && b.begun && c.begun, "not all have begun, although nobody has ended yet");
    b.post.arrive();
    co_await tour::some_turns(l);
    tour::check(j.ended() && got == 2, "the second of three came first, and race gave %d", got);
    tour::check(!a.alive && !c.alive && !a.returned, "race has returned, and a loser is there");
  }
  {
    number a(1), b(2);
    tour::job j(l, collect(l, tour::read_all(a, b), got, failed));
    co_await tour::some_turns(l);
    b.post.arrive();
    a.post.arrive();
    co_await tour::some_turns(l);
    tour::check(j.ended() && got == 2, "two came in one turn, 2 was the first, and race gave %d",
                got);
  }
  {
    number a(-1), b(2);
    tour::job j(l, collect(l, tour::read_all(a, b), got, failed));
    co_await tour::some_turns(l);
    a.post.arrive();
    co_await tour::some_turns(l);
    tour::check(j.ended() && failed, "the first to end has failed, and race has not thrown");
    tour::check(!b.alive, "race has thrown, and a loser is there");
  }
  {
    number a(1), b(2);
    tour::job j(l, collect(l, tour::read_all(a, b), got, failed));
    co_await tour::some_turns(l);
    j.cancel();
    co_await tour::some_turns(l);
    tour::check(j.stopped() && !a.alive && !b.alive, "race was told to stop, and a child is there");
  }
}

}  // namespace

int main() {
  tour::timed_loop l;
  l.spawn(all(l));
  l.run();
  std::puts("the first one wins, and when it is known, the others have ended");
}
