// Exercise 10.1: gather. Each result has its place before anything runs, so that the order is that
// of the tasks; everything else is the group's.
#pragma once

#include "../group.hpp"

namespace tour {

inline task<> keep(task<int> t, int& result) { result = co_await std::move(t); }

inline task<std::vector<int>> gather(loop& l, std::vector<task<int>> tasks) {
  std::vector<int> results(tasks.size());
  co_await with_group(l, [&](group& g) -> task<> {
    for (std::size_t i = 0; i < tasks.size(); ++i) g.spawn(keep(std::move(tasks[i]), results[i]));
    co_return;
  });
  co_return results;
}

}  // namespace tour
