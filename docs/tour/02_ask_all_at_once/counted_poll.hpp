// poll(2), with a count of what it does.
#pragma once

#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace tour {

struct counted_poll {
  long polls = 0;
  long looked_at = 0;  // descriptors that were handed to the kernel, all together
  long events = 0;     // of those, the ones for which something had happened

  // Waits until something has happened for one of them at least, and marks it in `revents`.
  void wait(std::vector<pollfd>& all) {
    int ready = 0;
    do {
      ready = ::poll(all.data(), all.size(), -1);
    } while (ready < 0 && errno == EINTR);  // a signal is no event of ours
    if (ready < 0) {
      std::perror("poll");
      std::exit(1);
    }
    ++polls;
    looked_at += static_cast<long>(all.size());
    events += ready;
  }
};

}  // namespace tour
