// A million timers on a clock of our own, and then some that sleep.
#include "../stage/check.hpp"
#include "timed_loop.hpp"

#include <string>

// begin million
std::string fired_names;

struct named_timer : tour::timer {
  char name = 'x';
  named_timer() {
    fired = [](timer& t) { fired_names += static_cast<named_timer&>(t).name; };
  }
};

void a_million() {
  constexpr int n = 1'000'000;
  constexpr std::int64_t second = 1'000'000'000;
  tour::timer_wheel wheel;
  std::vector<named_timer> all(n);
  for (int i = 0; i < n; ++i) wheel.arm(all[i], i * 7919LL % n * 1'000'000);
  for (int i = 0; i < n - 3; ++i) tour::timer_wheel::cancel(all[i]);
  named_timer* last = &all[n - 3];
  for (const char name : {'a', 'b', 'c'}) last++->name = name;
  wheel.arm(all[n - 1], 1 * second);  // armed again, it is cancelled first
  wheel.arm(all[n - 3], 1 * second);
  wheel.arm(all[n - 2], 3 * second);
  wheel.fire_due(1 * second - 1);
  std::printf("a nanosecond before the first second: \"%s\"\n", fired_names.c_str());
  wheel.fire_due(3600 * second);
  std::printf("an hour later: \"%s\", of %d timers\n", fired_names.c_str(), n);
}
// end million

// begin naps
tour::task<> nap(tour::timed_loop& l, int ms, std::string& order) {
  const double begun = tour::now();
  co_await tour::sleep_for(l, ms);
  tour::expect(tour::now() - begun >= ms * 1e-3, "a nap of %d ms was shorter", ms);
  order += std::to_string(ms) + " ";
}
// end naps

int main() {
  a_million();
  tour::timed_loop l;
  std::string order;
  for (const int ms : {300, 100, 200, 0}) l.spawn(nap(l, ms, order));
  l.run();
  std::printf("naps ended: %safter %ld turns\n", order.c_str(), l.turns());
}
