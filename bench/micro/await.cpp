// Awaiting a task that finishes at once, against the least a task can be; and a chain of such
// awaits.
#include "harness.hpp"
#include "minimal_task.hpp"

namespace rondo::bench {
namespace {

constexpr int chain_depth = 10;

// Not inlined, so that each is what a call into another file would be.
[[gnu::noinline]] minimal_task minimal_child() { co_return 1; }
[[gnu::noinline]] task<int> ready_child() { co_return 1; }

minimal_task await_minimal_children(State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(co_await minimal_child());
  co_return 0;
}
void await_minimal(State& state) { await_minimal_children(state).run(); }

task<> await_ready_child(State& state) {
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await ready_child());
}

// NOLINTNEXTLINE(misc-no-recursion)
[[gnu::noinline]] task<int> chain(int depth) {
  if (depth == 1) co_return 1;
  co_return 1 + co_await chain(depth - 1);
}

task<> await_chain(State& state) {
  const costs counted(state);
  while (state.KeepRunningBatch(chain_depth)) benchmark::DoNotOptimize(co_await chain(chain_depth));
}

}  // namespace

void add_await() {
  add("await_minimal_task", await_minimal);
  add_on_each_reactor("await_ready_child", await_ready_child);
  // The same again: its distance from the row above is the noise of this run.
  add_on(reactor_kind::io_uring, "await_ready_child_again", await_ready_child);
  add_on_each_reactor("await_chain_of_10", await_chain);
}

}  // namespace rondo::bench
