// The two clocks that a waiting program should be looked at with, both in seconds.
#pragma once

#include <time.h>

namespace tour {

inline double read_clock(clockid_t which) {
  timespec t{};
  clock_gettime(which, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// As on a wall: goes on while the thread sleeps.
inline double now() { return read_clock(CLOCK_MONOTONIC); }
// What the processor has done for the calling thread: stands still while it sleeps.
inline double worked() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace tour
