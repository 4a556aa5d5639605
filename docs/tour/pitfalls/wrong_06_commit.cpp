// Wrong: exits with 1 and says "told to stop, and committed".
//
// A task that is told to stop is taken apart, and no exception is on its way.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
struct transaction {
  bool& committed;
  ~transaction() {
    if (std::uncaught_exceptions() == 0) committed = true;
  }
};

rt::task<> save(bool& committed) {
  transaction t{committed};
  co_await rt::sleep_ms(1000);
}
// end wrong

rt::task<> stopped(bool& committed) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(save(committed));
    co_await rt::sleep_ms(10);
    g.cancel();
  });
}

int main() {
  bool committed = false;
  rt::run(rt::simulation(), stopped(committed));
  std::printf("told to stop, and %s\n", committed ? "committed" : "not committed");
  return committed ? 1 : 0;
}
