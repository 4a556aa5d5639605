// Wrong: exits with 1 and says "paid 2 times".
//
// No answer does not mean that nothing has happened.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> pay(int& paid) {
  ++paid;                      // it has arrived,
  co_await rt::sleep_ms(200);  // and the answer takes long
}

rt::task<> pay_for_sure(int& paid) {
  for (int i = 0; i < 2; ++i) try {
      co_return co_await rt::timeout(100, pay(paid));
    } catch (const rt::timed_out&) {
      // No answer. Once more.
    }
}
// end wrong

int main() {
  int paid = 0;
  rt::run(rt::simulation(), pay_for_sure(paid));
  std::printf("paid %d times\n", paid);
  return paid == 1 ? 0 : 1;
}
