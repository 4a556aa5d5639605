// Stopped before it begins, at its first wait, its second, … until it has returned by itself; and
// the same again, but stopped in the moment in which its letter has come.
#include "../../stage/check.hpp"
#include "../../stage/turns.hpp"

#include EXERCISE

namespace {

tour::task<> one_run(tour::timed_loop& l, int letters, bool in_the_same_moment, bool& returned) {
  tour::letter post;
  tour::permits first, second;
  tour::job j(l, tour::work(post, first, second));
  if (letters >= 0) co_await tour::some_turns(l);
  for (int i = 0; i < letters; ++i) {
    tour::check(!j.ended(), "it has returned before its letter number %d", i + 1);
    post.arrive();
    if (in_the_same_moment && i == letters - 1) break;
    co_await tour::some_turns(l);
  }
  returned = j.ended();
  tour::check(returned || letters < 3 || in_the_same_moment, "after 3 letters it has not returned");
  if (letters >= 1 && letters < 3 && !in_the_same_moment)
    tour::check(first.free == 0, "after letter %d the first permit should be taken", letters);
  if (letters == 2 && !in_the_same_moment)
    tour::check(second.free == 0, "after 2 letters the second permit should be taken");
  j.cancel();
  while (!j.ended()) co_await tour::some_turns(l);
  const char* const when = in_the_same_moment ? ", in the moment in which the last one came" : "";
  tour::check(first.free == 1 && second.free == 1,
              "stopped after letter %d%s: %d and %d permits are free, and should be 1 and 1",
              letters, when, first.free, second.free);
}

}  // namespace

int main() {
  for (const bool in_the_same_moment : {false, true}) {
    bool returned = false;
    for (int letters = in_the_same_moment ? 1 : -1; letters <= 3 && !returned; ++letters) {
      tour::timed_loop l;
      l.spawn(one_run(l, letters, in_the_same_moment, returned));
      l.run();
    }
  }
  std::puts("stopped at every wait, and all permits are back");
}
