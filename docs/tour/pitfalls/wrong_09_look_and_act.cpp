// Wrong: exits with 1 and says "two took 80 of 100, and -60 are left".
//
// What was looked at before a wait need not be so after it.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> take_out(int& money, int amount) {
  if (money < amount) co_return;
  co_await rt::sleep_ms(1);  // asks somebody whether that is allowed
  money -= amount;
}
// end wrong

rt::task<> two(int& money) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (int i = 0; i < 2; ++i) g.spawn(take_out(money, 80));
    co_return;
  });
}

int main() {
  int money = 100;
  rt::run(rt::simulation(), two(money));
  std::printf("two took 80 of 100, and %d are left\n", money);
  return money < 0 ? 1 : 0;
}
