// A signal every millisecond, and a wait of 20 ms for what does not come. A wait that begins anew
// with each signal would never end: after 2 s, this ends it.
#include "../../01_a_page_please/descriptor.hpp"
#include "../../stage/check.hpp"
#include "../../stage/clock.hpp"

#include EXERCISE

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

volatile sig_atomic_t signals = 0;
volatile sig_atomic_t waiting = 0;

void count(int) {
  signals = signals + 1;
  if (waiting == 0 || signals < 2000) return;
  constexpr char sentence[] =
      "not yet: a wait of 20 ms has not ended after 2,000 signals: each begins it anew\n";
  if (write(1, sentence, sizeof sentence - 1) < 0) _exit(2);
  _exit(1);
}

}  // namespace

int main() {
  struct sigaction counting{};
  counting.sa_handler = count;
  sigaction(SIGALRM, &counting, nullptr);
  const itimerval each_ms{{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &each_ms, nullptr);

  int ends[2];
  tour::check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "no socket could be had");
  const tour::descriptor writer(ends[0]), reader(ends[1]);

  pollfd come{ends[1], POLLIN, 0};
  waiting = 1;
  const double begun = tour::now();
  const int ready = tour::wait_for(&come, 1, 20);
  const double took_ms = (tour::now() - begun) * 1000;
  waiting = 0;
  tour::check(ready == 0, "nothing came, and a wait of 20 ms gave %d after %.1f ms and %d signals",
              ready, took_ms, static_cast<int>(signals));
  tour::check(took_ms >= 20, "nothing came, and a wait of 20 ms ended after %.1f ms", took_ms);

  if (write(ends[0], "x", 1) < 0) return 2;
  tour::check(tour::wait_for(&come, 1, 20) == 1, "a byte was there, and the wait did not say so");
  tour::check(tour::wait_for(&come, 1, 0) == 1,
              "with no time, a wait looks once, and there is one");
  std::puts("waits of 20 ms end when they should, whatever signals arrive");
}
