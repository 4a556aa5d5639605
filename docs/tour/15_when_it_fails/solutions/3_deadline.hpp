// Exercise 15.3: never past the deadline. What is left is looked at twice: each attempt has so long
// and no longer; and a sleep that would end too late is not begun.
#pragma once

#include "../../13_a_world_of_ones_own/simulation.hpp"

#include <functional>

namespace tour {

struct failed {};

// `attempt` gives a task, which may throw `failed`. Throws that, or timed_out.
inline task<> try_within(int limit_ms, std::function<task<>()> attempt) {
  const std::int64_t end = now_ms() + limit_ms;
  for (;;) {
    try {
      co_return co_await timeout(static_cast<int>(end - now_ms()), attempt());
    } catch (const failed&) {
      if (now_ms() + 100 >= end) throw;
    }
    co_await sleep_ms(100);
  }
}

}  // namespace tour
