// Exercise 2.2: wait on, although signals arrive. The deadline is a point in time, so that it stays
// where it is however often the wait begins again; and what is left is rounded up, because a wait
// that ends a little early has to be begun again for nothing.
#pragma once

#include "../../stage/clock.hpp"

#include <poll.h>

#include <cerrno>

namespace tour {

inline int wait_for(pollfd* all, nfds_t n, int timeout_ms) {
  const double deadline = now() + timeout_ms * 1e-3;
  for (;;) {
    const double left = deadline - now();
    const int ready = poll(all, n, left > 0 ? static_cast<int>(left * 1000) + 1 : 0);
    if (ready > 0 || left <= 0) return ready < 0 ? 0 : ready;
    if (ready < 0 && errno != EINTR) return ready;
  }
}

}  // namespace tour
