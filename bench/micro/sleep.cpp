// Sleeping tasks: the price of one sleep among a thousand, and 100,000 of them started and ended.
#include "harness.hpp"

#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int tasks = 1'000;
constexpr int sleepers = 100'000;
constexpr milliseconds long_sleep(300);

task<> sleep_until_over(const bool& over) {
  while (!over) co_await sleep_for(nanoseconds(1));
}

// Each sleep is armed, stamped, fired and resumed; the loop never comes to rest for more than a
// moment.
task<> sleep_among_others(State& state, task_group& group, bool& over) {
  for (int i = 1; i < tasks; ++i) group.spawn(sleep_until_over(over));
  co_await sleep_for(nanoseconds(1));
  {
    const costs counted(state);
    while (state.KeepRunningBatch(tasks)) co_await sleep_for(nanoseconds(1));
  }
  over = true;
}

task<> sleep_shortest(State& state) {
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return sleep_among_others(state, group, over); });
}

task<> sleep_once() { co_await sleep_for(long_sleep); }

task<> spawn_sleepers(task_group& group) {
  for (int i = 0; i < sleepers; ++i) group.spawn(sleep_once());
  co_return;
}

task<> sleep_together(State& state) {
  const costs counted(state);
  for (auto _ : state) co_await with_task_group(spawn_sleepers);
}

}  // namespace

void add_sleep() {
  add_on_each_reactor("sleep_1000_tasks", sleep_shortest);
  for (const reactor_kind kind : {reactor_kind::epoll, reactor_kind::io_uring})
    add_on(kind, "sleep_100000_for_300ms", sleep_together)
        .Iterations(1)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

}  // namespace rondo::bench
