// Exercise 10.2: race.
//
// Runs all tasks at once, and gives what the first one gives that ends; or throws what it throws.
// The others are told to stop, and when race returns, they have ended. This one waits for the first
// task of the list.
#pragma once

#include "../group.hpp"

namespace tour {

// At least one task.
inline task<int> race(loop& l, std::vector<task<int>> tasks) {
  (void)l;
  co_return co_await std::move(tasks.front());
}

}  // namespace tour
