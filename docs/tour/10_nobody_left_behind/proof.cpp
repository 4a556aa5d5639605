// Groups in groups and limits in limits, told to stop after every number of turns; limits that are
// over at once; and which of two limits is told of.
#include "../stage/check.hpp"
#include "../stage/numbers.hpp"
#include "group.hpp"

using tour::group;
using tour::task;
using tour::timed_loop;

namespace {

constexpr int hour = 3'600'000;

task<> wait_for(tour::number& n) { co_await tour::read(n); }

task<> pair_of(tour::loop& l, tour::number& a, tour::number& b) {
  co_await with_group(l, [&](group& g) -> task<> {
    g.spawn(wait_for(a));
    co_await wait_for(b);
  });
}

task<> many(timed_loop& l, tour::number* n) {
  co_await with_group(l, [&](group& g) -> task<> {
    g.spawn(tour::timeout(l, hour, pair_of(l, n[0], n[1])));
    g.spawn(tour::timeout(l, hour, tour::timeout(l, hour, wait_for(n[2]))));
    co_await pair_of(l, n[3], n[4]);
  });
}

task<> stopped_after(timed_loop& l, int turns) {
  tour::number n[] = {tour::number(0), tour::number(1), tour::number(2), tour::number(3),
                      tour::number(4)};
  tour::job j(l, many(l, n));
  for (int i = 0; i < turns; ++i) co_await tour::next_turn{l};
  j.cancel();
  co_await tour::some_turns(l);
  tour::expect(j.stopped(), "told to stop after %d turns, it has not", turns);
  for (const tour::number& x : n)
    tour::expect(!x.alive, "told to stop after %d turns, number %d is still there", turns, x.value);
}

task<> limits(timed_loop& l) {
  int inner = 0, outer = 0;
  tour::number n(0);
  const auto limited = [&](int inner_ms, int outer_ms) -> task<> {
    const auto inside = [&]() -> task<> {
      try {
        co_await tour::timeout(l, inner_ms, wait_for(n));
      } catch (const tour::timed_out&) {
        ++inner;
      }
    };
    try {
      co_await tour::timeout(l, outer_ms, inside());
    } catch (const tour::timed_out&) {
      ++outer;
    }
  };
  {
    tour::job j(l, limited(0, hour));
    while (!j.ended()) co_await tour::next_turn{l};
    tour::expect(inner == 1 && outer == 0 && !n.alive, "the inner limit was over, and not told of");
  }
  {
    tour::job j(l, limited(hour, 0));
    while (!j.ended()) co_await tour::next_turn{l};
    tour::expect(inner == 1 && outer == 1 && !n.alive, "the outer limit was over, and not told of");
  }
  tour::job j(l, limited(hour, hour));
  co_await tour::some_turns(l);
  n.post.arrive();
  co_await tour::some_turns(l);
  tour::expect(j.ended() && inner == 1 && outer == 1 && n.returned, "it ended in time");
}

}  // namespace

int main() {
  for (int turns = 0; turns < 12; ++turns) {
    timed_loop l;
    l.spawn(stopped_after(l, turns));
    l.run();
    tour::expect(l.timers.next() == INT64_MAX, "after %d turns, a timer is left", turns);
  }
  timed_loop l;
  l.spawn(limits(l));
  l.run();
  tour::expect(l.timers.next() == INT64_MAX, "a timer is left");
}
