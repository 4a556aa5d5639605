// Values that come one by one or from elsewhere: a generator, a promise, a child that says when it
// is ready.
#include "harness.hpp"

#include <rondo/runtime/future.hpp>
#include <rondo/runtime/generator.hpp>
#include <rondo/runtime/start.hpp>

namespace rondo::bench {
namespace {

generator<int> count() {
  for (int i = 0;; ++i) co_yield i;
}
task<> generator_next(State& state) {
  auto numbers = count();
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await numbers.next());
}

task<> future_ready(State& state) {
  const costs counted(state);
  for (auto _ : state) {
    auto [p, f] = make_promise<int>();
    p.set_value(1);
    benchmark::DoNotOptimize(co_await std::move(f));
  }
}

task<> ready_at_once(started<int> ready) {
  ready(1);
  co_return;
}
task<> start_each(State& state, task_group& group) {
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await group.start(ready_at_once));
}
task<> start_and_end(State& state) {
  co_await with_task_group([&](task_group& group) { return start_each(state, group); });
}

}  // namespace

void add_bridges() {
  add_on_each_reactor("generator_next", generator_next);
  add_on_each_reactor("future_ready", future_ready);
  add_on_each_reactor("start_and_end", start_and_end);
}

}  // namespace rondo::bench
