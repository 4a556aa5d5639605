// Wrong: exits with 1 and says "990 items wait for one who is slow".
//
// Who makes is quicker than who takes, and nobody tells him to wait.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
std::vector<int> items;

rt::task<> make() {
  for (int i = 0; i < 1000; ++i) {
    items.push_back(i);
    co_await rt::sleep_ms(1);
  }
}

rt::task<> take() {
  for (;;) {
    co_await rt::sleep_ms(100);
    if (!items.empty()) items.erase(items.begin());
  }
}
// end wrong

rt::task<> both(std::size_t& most) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(take());
    co_await make();
    most = items.size();
    g.cancel();
  });
}

int main() {
  std::size_t most = 0;
  rt::run(rt::simulation(), both(most));
  std::printf("%zu items wait for one who is slow\n", most);
  return most > 10 ? 1 : 0;
}
