// Wrong: exits with 1 and says "nothing can happen any more".
//
// Two locks, taken in one order here and in the other there.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> take_both(rt::permits& first, rt::permits& second) {
  const auto one = co_await first.take();
  co_await rt::sleep_ms(1);
  const auto other = co_await second.take();
}

rt::task<> to_and_fro(rt::permits& a, rt::permits& b) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(take_both(a, b));
    g.spawn(take_both(b, a));
    co_return;
  });
}
// end wrong

int main() {
  rt::permits a(1), b(1);
  rt::run(rt::simulation(), to_and_fro(a, b));
}
