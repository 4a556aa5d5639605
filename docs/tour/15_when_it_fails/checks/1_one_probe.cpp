// Closed, open, a probe of each kind, and verdicts that come late.
#include "../../stage/check.hpp"

#include EXERCISE

using tour::verdict;

int main() {
  tour::breaker b;
  const int late_ok = b.enter(0), late_failure = b.enter(0);
  tour::check(late_ok > 0 && late_failure > 0, "a closed breaker refused a call");
  for (int i = 0; i < 5; ++i) b.leave(b.enter(0), verdict::failed, 0);
  tour::check(b.enter(999) == 0, "after five failures in a row a call was let through");

  b.leave(late_ok, verdict::ok, 500);
  tour::check(b.enter(999) == 0, "a call from before it opened was answered late, and closed it");

  int probe = b.enter(1000), others = 0;
  tour::check(probe > 0, "its time is over, and nobody is let through");
  for (int i = 0; i < 99; ++i) others += b.enter(1000 + i) != 0;
  tour::check(others == 0, "its time is over, and besides the probe %d of 99 were let through",
              others);

  b.leave(late_failure, verdict::failed, 1100);
  tour::check(b.enter(1100) == 0,
              "a call from before it opened has failed, and another one was let in");

  b.leave(probe, verdict::cancelled, 1200);
  probe = b.enter(1200);
  tour::check(probe > 0, "the probe was cancelled, and nobody may try any more");
  b.leave(probe, verdict::failed, 1300);
  tour::check(b.enter(2299) == 0, "a probe has failed, and it is not open for another second");
  probe = b.enter(2300);
  tour::check(probe > 0 && b.enter(2300) == 0, "it is not one probe the second time");
  b.leave(probe, verdict::ok, 2400);
  int let_in = 0;
  for (int i = 0; i < 10; ++i) let_in += b.enter(2400) != 0;
  tour::check(let_in == 10, "the probe was answered, and it let in %d of 10", let_in);

  for (int i = 0; i < 4; ++i) b.leave(b.enter(2500), verdict::failed, 2500);
  tour::check(b.enter(2500) != 0, "four failures after a good probe, and it is open");
  std::puts("exactly one probe, and what is late says nothing");
}
