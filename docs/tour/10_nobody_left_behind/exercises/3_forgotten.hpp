// Exercise 10.3: mend spawn-and-forget.
//
// This reads some numbers in the background and gives their sum. It returns before any of them has
// come. Whoever goes on in the background adds to a local that is gone. Nothing of it may outlive
// the function.
#pragma once

#include "../group.hpp"

namespace tour {

inline std::vector<std::unique_ptr<job>> background;

inline task<> add(task<int> t, int& sum) { sum += co_await std::move(t); }

inline task<int> sum_of(loop& l, std::vector<task<int>> tasks) {
  int sum = 0;
  for (task<int>& t : tasks) background.push_back(std::make_unique<job>(l, add(std::move(t), sum)));
  co_return sum;
}

}  // namespace tour
