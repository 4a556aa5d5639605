// Exercise 15.3: never past the deadline.
//
// Tries again until it has gone well, 100 ms after each failure. The caller has a limit for all of
// it, and nobody reads what comes later. When the time is over during an attempt, that is stopped.
// When the next attempt could not begin before the limit, there is no use in waiting for it: the
// failure is told at once. This one tries as long as it takes.
#pragma once

#include "../../13_a_world_of_ones_own/simulation.hpp"

#include <functional>

namespace tour {

struct failed {};

// `attempt` gives a task, which may throw `failed`. Throws that, or timed_out.
inline task<> try_within(int limit_ms, std::function<task<>()> attempt) {
  (void)limit_ms;
  for (;;) {
    try {
      co_return co_await attempt();
    } catch (const failed&) {
    }
    co_await sleep_ms(100);
  }
}

}  // namespace tour
