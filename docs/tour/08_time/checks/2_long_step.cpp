// Steps of a length that we choose, on a clock that is read when we say so.
#include "../../stage/check.hpp"

#include EXERCISE

#include <string>

namespace {

void at(tour::turn_timers& timers, std::int64_t now_ms, const std::string& expected,
        const char* why) {
  std::string due;
  for (const int name : timers.clock_was_read(now_ms)) due += std::to_string(name) + " ";
  tour::check(due == expected, "at %lld ms: %s. Due should be \"%s\", and is \"%s\"",
              static_cast<long long>(now_ms), why, expected.c_str(), due.c_str());
}

}  // namespace

int main() {
  tour::turn_timers timers;
  at(timers, 0, "", "nothing is armed");
  // A step from 0 to 50, which arms a timer of 10 ms at its end.
  timers.arm(1, 10);
  at(timers, 50, "", "the timer of 10 ms was armed a moment ago, at the end of a step of 50 ms");
  at(timers, 59, "", "a timer of 10 ms was armed at 50");
  at(timers, 60, "1 ", "a timer of 10 ms was armed at 50");

  timers.arm(2, 30);
  timers.arm(3, 10);
  timers.arm(4, 0);
  at(timers, 61, "4 ", "a timer of 0 ms is due with the next reading");
  timers.arm(5, 10);
  timers.arm(6, 20);
  at(timers, 71, "3 ", "a timer of 10 ms was armed before the reading at 61");
  at(timers, 100, "5 2 6 ", "deadlines of 81, and of 91 twice, the latter as they were armed");
  at(timers, 1000, "", "all have fired");
  std::puts("no timer is early, however long the steps");
}
