// Exercise 10.1: gather.
//
// Runs all tasks at once, and gives their results in the order of the tasks. If one throws, the
// others are told to stop, and when all have ended, it is thrown here. This one runs them one after
// the other.
#pragma once

#include "../group.hpp"

namespace tour {

inline task<std::vector<int>> gather(loop& l, std::vector<task<int>> tasks) {
  (void)l;
  std::vector<int> results;
  for (task<int>& t : tasks) results.push_back(co_await std::move(t));
  co_return results;
}

}  // namespace tour
