// Wrong: exits with 1 and says "a limit of 100 ms, and it took 300".
//
// A limit on each of several steps is no limit on all of them.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> in_100_ms(rt::task<> (*attempt)()) {
  for (int i = 0; i < 3; ++i) try {
      co_return co_await rt::timeout(100, attempt());
    } catch (const rt::timed_out&) {
    }
}
// end wrong

rt::task<> silent() { co_await rt::sleep_ms(3'600'000); }

rt::task<> measured(int& took) {
  const std::int64_t begun = rt::now_ms();
  co_await in_100_ms(silent);
  took = static_cast<int>(rt::now_ms() - begun);
}

int main() {
  int took = 0;
  rt::run(rt::simulation(), measured(took));
  std::printf("a limit of 100 ms, and it took %d\n", took);
  return took > 100 ? 1 : 0;
}
