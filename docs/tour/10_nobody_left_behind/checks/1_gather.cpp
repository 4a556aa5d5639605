// Numbers that come in another order than they were asked for; one that fails; and a gather that is
// told to stop, in the middle and before anything has begun.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/numbers.hpp"

#include EXERCISE

namespace {

using tour::number;

tour::task<> collect(tour::loop& l, std::vector<tour::task<int>> tasks, std::vector<int>& into,
                     bool& failed) {
  try {
    into = co_await tour::gather(l, std::move(tasks));
  } catch (const tour::no_number&) {
    failed = true;
  }
}

tour::task<> collect_after(tour::letter& post, tour::loop& l, std::vector<tour::task<int>> tasks,
                           std::vector<int>& into, bool& failed) {
  co_await post;
  co_await collect(l, std::move(tasks), into, failed);
}

tour::task<> all(tour::timed_loop& l) {
  std::vector<int> got;
  bool failed = false;
  {
    number a(1), b(2), c(3);
    tour::job j(l, collect(l, tour::read_all(a, b, c), got, failed));
    co_await tour::some_turns(l);
    tour::check(a.begun && b.begun && c.begun, "not all have begun, although nobody has ended yet");
    for (number* n : {&c, &a, &b}) {
      tour::check(!j.ended(), "gather has returned before all numbers came");
      n->post.arrive();
      co_await tour::some_turns(l);
    }
    tour::check(j.ended() && !failed, "all numbers came, and gather has not returned");
    tour::check(got == std::vector<int>{1, 2, 3}, "the numbers 1, 2, 3 came in another order");
  }
  {
    number a(1), b(-2), c(3);
    tour::job j(l, collect(l, tour::read_all(a, b, c), got, failed));
    co_await tour::some_turns(l);
    a.post.arrive();
    co_await tour::some_turns(l);
    b.post.arrive();
    co_await tour::some_turns(l);
    tour::check(j.ended() && failed, "one has failed, and gather has not thrown");
    tour::check(!c.alive && !c.returned, "one has failed, and another is still there");
  }
  {
    number a(1), b(2);
    tour::job j(l, collect(l, tour::read_all(a, b), got, failed));
    co_await tour::some_turns(l);
    a.post.arrive();
    j.cancel();
    co_await tour::some_turns(l);
    tour::check(j.stopped() && !a.alive && !b.alive,
                "gather was told to stop, and a child is there");
    tour::check(a.returned, "a child was woken before gather was told to stop, and has not ended");
  }
  {
    number a(1);
    tour::job j(l, collect(l, tour::read_all(a), got, failed));
    j.cancel();
    co_await tour::some_turns(l);
    tour::check(j.stopped() && !a.begun,
                "gather was told to stop before it began, and a child ran");
    number b(2);
    tour::letter post;
    tour::job woken(l, collect_after(post, l, tour::read_all(b), got, failed));
    co_await tour::some_turns(l);
    post.arrive();
    woken.cancel();  // it was woken: it goes on to gather, and stops there
    co_await tour::some_turns(l);
    tour::check(woken.stopped() && !b.begun,
                "gather was begun by a job that is to stop, and a child ran");
    tour::job none(l, collect(l, {}, got, failed));
    co_await tour::some_turns(l);
    tour::check(none.ended() && got.empty(), "a gather of nothing does not give nothing");
  }
}

}  // namespace

int main() {
  tour::timed_loop l;
  l.spawn(all(l));
  l.run();
  std::puts("all at once, in their order, and nobody is left behind");
}
