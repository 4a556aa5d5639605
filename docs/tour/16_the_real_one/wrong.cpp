// Wrong: is ended by SIGSEGV and says "200000 awaits deep, and told to stop".
//
// To take a chain of frames apart from the outside, as chapter 9 does: each frame destroys the one
// that it awaits, from within. It needs as much stack as the chain is deep.
#include "../09_stop/letter.hpp"

#include <cstdio>

// begin wrong
tour::task<> deep(int n, tour::letter& post) {
  if (n > 0)
    co_await deep(n - 1, post);
  else
    co_await post;
}
// end wrong

tour::task<> all(tour::timed_loop& l) {
  tour::letter post;
  tour::job j(l, deep(200'000, post));
  co_await tour::sleep_for(l, 1);
  j.cancel();
  std::printf("200000 awaits deep, and told to stop\n");
  std::fflush(stdout);
  while (!j.ended()) co_await tour::sleep_for(l, 1);
}

int main() {
  tour::timed_loop l;
  l.spawn(all(l));
  l.run();
}
