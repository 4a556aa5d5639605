// What seeing inside costs: each row with it, beside the row without it.
//
//   names   a name for each of the children: spawn_and_join is the row without
//   debug   run_options::debug: yield_1000_tasks is the row without
//   metrics run_options::metrics, beside the same row
//   trace   run_options::trace_file, beside the same row
//   tree    the text of a tree of 1,000 tasks, a task
//
// The places and times of waits are always kept; the rows of the waits themselves contain them.
#include "harness.hpp"

#include <rondo/runtime/core/loop_metrics.hpp>
#include <rondo/runtime/core/run_trace.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/inside/step_watch.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/metrics.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

constexpr int tasks = 1'000;

[[gnu::noinline]] task<int> named_child() {
  set_task_name("a child");
  co_return 1;
}
task<> join_each(State& state, task_group& group) {
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await group.spawn(named_child()));
}
task<> spawn_named_and_join(State& state) {
  co_await with_task_group([&](task_group& group) { return join_each(state, group); });
}

task<> yield_until(const bool& over) {
  while (!over) co_await yield_now();
}
task<> yield_among_others(State& state, task_group& group, bool& over) {
  for (int i = 1; i < tasks; ++i) group.spawn(yield_until(over));
  co_await yield_now();
  {
    const costs counted(state);
    while (state.KeepRunningBatch(tasks)) co_await yield_now();
  }
  over = true;
}
task<> yield_watched(State& state) {
  // As run_options::debug does.
  detail::step_watch_options o;
  o.slow_step = std::chrono::seconds(1);
  detail::loop_core& core = detail::this_core();
  core.set_watch(std::make_shared<detail::step_watch>(core, o));
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return yield_among_others(state, group, over); });
}

// The observer goes after the loop that it observes.
std::shared_ptr<detail::loop_observer> kept_observer;
task<> yield_counted(State& state) {
  kept_observer =
      detail::observe_for_metrics(detail::this_core(), std::make_shared<rondo::metrics>());
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return yield_among_others(state, group, over); });
}
task<> yield_traced(State& state) {
  kept_observer = detail::observe_for_trace(detail::this_core(), "/dev/null");
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return yield_among_others(state, group, over); });
}

struct label_of_eight {
  static constexpr std::string_view label = "n";
  static constexpr std::size_t count = 8;
  std::size_t at;
  std::size_t index() const { return at; }
  std::string text() const { return std::to_string(at); }
};
void count_in_a_family(State& state) {
  rondo::metrics m;
  auto& family = m.histograms<label_of_eight>("bench_seconds", "");
  std::size_t i = 0;
  for (auto _ : state) family.with({i++ & 7}).observe(0.2);
}

task<> look(State& state, task_group& group, event& done) {
  for (int i = 0; i < tasks; ++i) group.spawn(done.wait());
  co_await yield_now();
  while (state.KeepRunningBatch(tasks)) benchmark::DoNotOptimize(task_tree());
  done.set();
}
task<> tree_of_1000(State& state) {
  event done;
  co_await with_task_group([&](task_group& group) { return look(state, group, done); });
}

}  // namespace

void add_inspect() {
  add_on(reactor_kind::epoll, "spawn_named_and_join", spawn_named_and_join);
  add_on(reactor_kind::epoll, "yield_1000_tasks_debug", yield_watched);
  add_on(reactor_kind::epoll, "yield_1000_tasks_metrics", yield_counted);
  add_on(reactor_kind::epoll, "yield_1000_tasks_trace", yield_traced);
  add("metric_of_a_family", count_in_a_family);
  add_on(reactor_kind::epoll, "tree_of_1000_tasks", tree_of_1000);
}

}  // namespace rondo::bench
