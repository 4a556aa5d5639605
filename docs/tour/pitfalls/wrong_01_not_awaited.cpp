// Wrong: the compiler says "ignoring return".
//
// A task that nobody awaits does nothing.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> log_out() { co_await rt::sleep_ms(1); }

rt::task<> leave() {
  log_out();
  co_return;
}
// end wrong

int main() { rt::run(rt::simulation(), leave()); }
