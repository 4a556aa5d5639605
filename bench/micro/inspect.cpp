// What seeing inside costs: each row with it, beside the row without it.
//
//   names   a name for each of the children: spawn_and_join is the row without
//   debug   run_options::debug: yield_1000_tasks is the row without, of the next five as well
//   stall   run_options::stall_limit
//   inspected  RONDO_INSPECT, while nobody asks
//   observed   an observer that does nothing
//   metrics run_options::metrics
//   trace   run_options::trace_file
//   ps      what `rondo ps` is told of 10,000 tasks, and the longest slice of it
//   tree    the text of a tree of 1,000 tasks, a task
//
// The places and times of waits are always kept; the rows of the waits themselves contain them.
#include "harness.hpp"

#include <rondo/runtime/core/loop_metrics.hpp>
#include <rondo/runtime/core/run_trace.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/inside/listing.hpp>
#include <rondo/runtime/inside/step_watch.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/metrics.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

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
void watch(const detail::step_watch_options& o) {
  detail::loop_core& core = detail::this_core();
  core.set_watch(std::make_shared<detail::step_watch>(core, o));
}
task<> yield_watched_so(State& state, detail::step_watch_options o) {
  watch(o);
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return yield_among_others(state, group, over); });
}

task<> yield_debugged(State& state) {
  detail::step_watch_options o;
  o.slow_step = std::chrono::seconds(1);
  return yield_watched_so(state, o);
}
task<> yield_with_stall_limit(State& state) {
  detail::step_watch_options o;
  o.stall_limit = std::chrono::seconds(1);
  return yield_watched_so(state, o);
}
task<> yield_inspected(State& state) {
  detail::step_watch_options o;
  o.inspected = true;
  return yield_watched_so(state, o);
}

// The observer goes after the loop that it observes.
std::shared_ptr<detail::loop_observer> kept_observer;
struct idle_observer final : detail::loop_observer {
  virtual ~idle_observer() = default;
};
task<> yield_observed(State& state) {
  auto o = std::make_shared<idle_observer>();
  detail::this_core().observe(*o);
  kept_observer = std::move(o);
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return yield_among_others(state, group, over); });
}
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

// What another thread is told of 10,000 tasks.
enum class told { everything, slice };
template <told what>
task<> ps_of_10000(State& state) {
  constexpr int many = 10'000;
  detail::step_watch_options o;
  o.inspected = true;
  watch(o);
  event done;
  co_await with_task_group([&](task_group& group) -> task<> {
    for (int i = 0; i < many; ++i) group.spawn(done.wait());
    co_await yield_now();
    for (auto _ : state) {
      const double seconds = co_await to_thread([] {
        std::string text;
        const auto begun = std::chrono::steady_clock::now();
        detail::listing::of(detail::watched_loops().at(0), true, text);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        static constexpr std::string_view name = "\"longest_slice_us\":";
        const double slice = std::atof(text.c_str() + text.find(name) + name.size()) / 1e6;
        return what == told::slice ? slice : took.count();
      });
      state.SetIterationTime(seconds);
    }
    done.set();
  });
}

}  // namespace

void add_inspect() {
  add_on(reactor_kind::epoll, "spawn_named_and_join", spawn_named_and_join);
  add_on(reactor_kind::epoll, "yield_1000_tasks_debug", yield_debugged);
  add_on(reactor_kind::epoll, "yield_1000_tasks_stall_limit", yield_with_stall_limit);
  add_on(reactor_kind::epoll, "yield_1000_tasks_inspected", yield_inspected);
  add_on(reactor_kind::epoll, "yield_1000_tasks_observed", yield_observed);
  add_on(reactor_kind::epoll, "yield_1000_tasks_metrics", yield_counted);
  add_on(reactor_kind::epoll, "yield_1000_tasks_trace", yield_traced);
  add("metric_of_a_family", count_in_a_family);
  add_on(reactor_kind::epoll, "tree_of_1000_tasks", tree_of_1000);
  add_on(reactor_kind::epoll, "ps_of_10000_tasks", ps_of_10000<told::everything>)
      .UseManualTime()
      ->Iterations(10);
  add_on(reactor_kind::epoll, "ps_of_10000_tasks/slice", ps_of_10000<told::slice>)
      .UseManualTime()
      ->Iterations(10);
}

}  // namespace rondo::bench
