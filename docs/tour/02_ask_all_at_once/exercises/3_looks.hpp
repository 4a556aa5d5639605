// Exercise 2.3: look at fewer.
//
// A hundred connections end one after the other. Each time, this hands all hundred to the kernel,
// and looks through all hundred afterwards. Hand it only those that have not ended.
#pragma once

#include "../counted_poll.hpp"

#include <sys/socket.h>

#include <vector>

namespace tour {

// Reads each descriptor to its end, and calls on_end(fd) then. `poll` counts.
template <class OnEnd>
void read_all(const std::vector<int>& fds, counted_poll& poll, OnEnd on_end) {
  std::vector<bool> ended(fds.size());
  for (std::size_t left = fds.size(); left > 0;) {
    std::vector<pollfd> waiting;
    for (int fd : fds) waiting.push_back({fd, POLLIN, 0});
    poll.wait(waiting);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      char buffer[64];
      if (waiting[i].revents == 0 || ended[i]) continue;
      if (recv(fds[i], buffer, sizeof buffer, 0) > 0) continue;
      ended[i] = true;
      --left;
      on_end(fds[i]);
    }
  }
}

}  // namespace tour
