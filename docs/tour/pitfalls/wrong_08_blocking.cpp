// Wrong: exits with 1 and says "a call that blocks, and the other has had 0 of 10 turns".
//
// A call that blocks holds up everybody in the loop.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> read_from_disk() {
  usleep(20'000);
  co_return;
}
// end wrong

rt::task<> tick(int& turns) {
  for (;; ++turns) co_await rt::sleep_ms(2);
}

rt::task<> both(int& turns) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(tick(turns));
    co_await read_from_disk();
    g.cancel();
  });
}

int main() {
  int turns = 0;
  rt::run(rt::backend::epoll, both(turns));
  std::printf("a call that blocks, and the other has had %d of 10 turns\n", turns);
  return turns == 0 ? 1 : 0;
}
