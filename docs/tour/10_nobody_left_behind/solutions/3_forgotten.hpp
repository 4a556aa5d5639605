// Exercise 10.3: mend spawn-and-forget. There is no background. What is spawned belongs to a group,
// and the function that has the group waits for it.
#pragma once

#include "../group.hpp"

namespace tour {

inline task<> add(task<int> t, int& sum) { sum += co_await std::move(t); }

inline task<int> sum_of(loop& l, std::vector<task<int>> tasks) {
  int sum = 0;
  co_await with_group(l, [&](group& g) -> task<> {
    for (task<int>& t : tasks) g.spawn(add(std::move(t), sum));
    co_return;
  });
  co_return sum;
}

}  // namespace tour
