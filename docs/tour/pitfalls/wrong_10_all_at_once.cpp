// Wrong: exits with 1 and says "1000 at once, at a server that bears 10".
//
// As many at once as there are.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> fetch_all(rt::task<> (*fetch)()) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (int i = 0; i < 1000; ++i) g.spawn(fetch());
    co_return;
  });
}
// end wrong

int now = 0, most = 0;

rt::task<> fetch() {
  most = std::max(most, ++now);
  co_await rt::sleep_ms(10);
  --now;
}

int main() {
  rt::run(rt::simulation(), fetch_all(fetch));
  std::printf("%d at once, at a server that bears 10\n", most);
  return most > 10 ? 1 : 0;
}
