// Children of a group: started and joined one by one, and a thousand started, then waited for
// together.
#include "harness.hpp"

#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

constexpr int children = 1'000;

[[gnu::noinline]] task<int> ready_job() { co_return 1; }

task<> join_each(State& state, task_group& group) {
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await group.spawn(ready_job()));
}
task<> spawn_and_join(State& state) {
  co_await with_task_group([&](task_group& group) { return join_each(state, group); });
}

task<> spawn_many(task_group& group) {
  for (int i = 0; i < children; ++i) group.spawn(ready_job());
  co_return;
}
task<> spawn_a_group(State& state) {
  const costs counted(state);
  while (state.KeepRunningBatch(children)) co_await with_task_group(spawn_many);
}

}  // namespace

void add_spawn() {
  add_on_each_reactor("spawn_and_join", spawn_and_join);
  add_on_each_reactor("spawn_1000_in_group", spawn_a_group);
}

}  // namespace rondo::bench
