// A hundred connections. When one has ended, the other end of the next one is closed, so that there
// is one event at a time: 100 events. 100 + 99 + … + 1 is 5,050.
#include "../../01_a_page_please/descriptor.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

#include <sys/socket.h>

int main() {
  constexpr std::size_t connections = 100;
  std::vector<tour::descriptor> others, ours;
  std::vector<int> fds;
  for (std::size_t i = 0; i < connections; ++i) {
    int ends[2];
    tour::check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "no socket could be had");
    others.emplace_back(ends[0]);
    ours.emplace_back(ends[1]);
    fds.push_back(ends[1]);
  }
  std::size_t next = 0, ended = 0;
  const auto end_next = [&] {
    if (next < connections) others[next++] = tour::descriptor();
  };
  end_next();
  tour::counted_poll poll;
  tour::read_all(fds, poll, [&](int fd) {
    tour::check(ended < connections && fd == fds[ended], "descriptor %d ended out of turn", fd);
    ++ended;
    end_next();
  });
  tour::check(ended == connections, "%zu of %zu connections ended", ended, connections);
  tour::check(poll.looked_at <= 5050, "%ld polls looked at %ld descriptors; 5050 are enough",
              poll.polls, poll.looked_at);
  std::printf("%ld polls, %ld events, and still %ld looks\n", poll.polls, poll.events,
              poll.looked_at);
}
