// A trip through the loop's ready list: 1,000 tasks that do nothing but let the others run.
#include "harness.hpp"

#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

constexpr int tasks = 1'000;

task<> yield_until(const bool& over) {
  while (!over) co_await yield_now();
}

// This task is one of the thousand: one yield of its own is one of each.
task<> yield_among_others(State& state, task_group& group, bool& over) {
  for (int i = 1; i < tasks; ++i) group.spawn(yield_until(over));
  co_await yield_now();
  {
    const costs counted(state);
    while (state.KeepRunningBatch(tasks)) co_await yield_now();
  }
  over = true;
}

task<> yield(State& state) {
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return yield_among_others(state, group, over); });
}

}  // namespace

void add_yield() { add_on_each_reactor("yield_1000_tasks", yield); }

}  // namespace rondo::bench
