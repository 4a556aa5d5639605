// Exercise 10.2: race. Whoever ends first stops the group. Another one may have been woken in the
// same turn and end as well: it comes too late, and its result is not taken.
#pragma once

#include "../group.hpp"

namespace tour {

inline task<> run_for(task<int> t, group& g, bool& decided, int& result) {
  const int mine = co_await std::move(t);
  if (!decided) result = mine;
  decided = true;
  g.cancel();
}

inline task<int> race(loop& l, std::vector<task<int>> tasks) {
  bool decided = false;
  int result = 0;
  co_await with_group(l, [&](group& g) -> task<> {
    for (task<int>& t : tasks) g.spawn(run_for(std::move(t), g, decided, result));
    co_return;
  });
  co_return result;
}

}  // namespace tour
