// Three pages, all asked for at once, by one thread.
#include "../stage/check.hpp"
#include "../stage/clock.hpp"
#include "../stage/server.hpp"
#include "counted_poll.hpp"
#include "fetching.hpp"

#include <cstdio>
#include <cstring>

int main() {
  tour::server server;
  const double begun = tour::now();
  tour::counted_poll poll;
  // begin loop
  std::vector<tour::fetching> all;
  for (const char* path : {"/1000/60", "/2000/80", "/3000/100"})
    all.emplace_back(server.port(), path);

  for (;;) {
    std::vector<pollfd> waiting;
    std::vector<tour::fetching*> whose;
    for (tour::fetching& f : all) {
      if (f.waits_for() == 0) continue;
      waiting.push_back({f.fd(), f.waits_for(), 0});
      whose.push_back(&f);
    }
    if (waiting.empty()) break;
    poll.wait(waiting);
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].revents != 0) whose[i]->go_on();
  }
  // end loop
  for (const tour::fetching& f : all) {
    tour::expect(f.error() == 0, "%s: %s", f.failed_in(), std::strerror(f.error()));
    std::printf("status %d, %zu bytes\n", f.result().status, f.result().bytes);
  }
  tour::expect(poll.events >= 6 && poll.looked_at >= poll.events && poll.polls <= poll.events,
               "%ld polls looked at %ld for %ld events", poll.polls, poll.looked_at, poll.events);
  std::printf("3 pages in %.2f s: %ld polls looked at %ld descriptors for %ld events\n",
              tour::now() - begun, poll.polls, poll.looked_at, poll.events);
}
