// Wrong: exits with 1 and says "slept for an hour; by the machine's clock, for 0 s".
//
// To ask the machine what time it is, in a world that has a time of its own. The program gives up
// what has waited for too long, and never does.
#include "../stage/clock.hpp"
#include "simulation.hpp"

// begin wrong
tour::task<> give_up_after_an_hour(bool& gave_up) {
  const double begun = tour::now();  // of the machine
  co_await tour::sleep_ms(3'600'000);
  const double waited = tour::now() - begun;
  gave_up = waited >= 3600;
  std::printf("slept for an hour; by the machine's clock, for %.0f s\n", waited);
}
// end wrong

int main() {
  bool gave_up = false;
  tour::run(tour::simulation(), give_up_after_an_hour(gave_up));
  return gave_up ? 0 : 1;
}
