// Cancelling tasks ten frames deep, a frame. Warm: a hundred tasks, their frames in the caches and
// in the frame pool. Fresh: 100,000 tasks, 100 MB of frames that were written once and have gone
// cold.
#include "harness.hpp"

#include <rondo/runtime/event.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

constexpr int depth = 10;

// NOLINTNEXTLINE(misc-no-recursion)
[[gnu::noinline]] task<> wait_deep(event& never, int frames) {
  if (frames == 1)
    co_await never.wait();
  else
    co_await wait_deep(never, frames - 1);
}

task<> cancel_all(task_group& group, event& never, int tasks, stopwatch& watch) {
  for (int i = 0; i < tasks; ++i) group.spawn(wait_deep(never, depth));
  co_await yield_now();  // all of them wait now
  watch = stopwatch();
  group.cancel();
}

template <int tasks>
task<> cancel_deep(State& state) {
  event never;
  while (state.KeepRunningBatch(benchmark::IterationCount{tasks} * depth)) {
    stopwatch watch;
    co_await with_task_group(
        [&](task_group& group) { return cancel_all(group, never, tasks, watch); });
    state.SetIterationTime(watch.seconds());
  }
}

}  // namespace

void add_cancel() {
  constexpr int few = 100;
  constexpr int many = 100'000;
  for (const reactor_kind kind : {reactor_kind::epoll, reactor_kind::io_uring}) {
    add_on(kind, "cancel_frame/warm", cancel_deep<few>).UseManualTime();
    add_on(kind, "cancel_frame/fresh", cancel_deep<many>)
        .UseManualTime()
        ->Iterations(benchmark::IterationCount{many} * depth);
  }
}

}  // namespace rondo::bench
