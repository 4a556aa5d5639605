// Exercise 2.2: wait on, although signals arrive.
//
// A signal ends poll() with EINTR, whether or not anything has happened. Make this wait on. But be
// careful: it has to end when its time is over, also if a signal arrives every millisecond.
#pragma once

#include <poll.h>

namespace tour {

// Waits until one of `n` is ready, or until so many milliseconds have passed. Gives how many are.
inline int wait_for(pollfd* all, nfds_t n, int timeout_ms) { return poll(all, n, timeout_ms); }

}  // namespace tour
