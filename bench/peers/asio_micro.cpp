// asio's twins of the micro rows, on its epoll loop: an awaitable for a task, co_spawn for a spawn,
// the experimental channel for the queue, steady_timer for the timers. asio 1.22 looks for
// coroutines in clang only by their experimental name.
#define ASIO_HAS_CO_AWAIT 1

#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using benchmark::State;

// Runs the benchmark as a coroutine on a loop of its own.
template <awaitable<void> (*body)(State&)>
void in_loop(State& state) {
  asio::io_context context(1);
  asio::co_spawn(context, body(state), asio::detached);
  context.run();
}

[[gnu::noinline]] awaitable<int> ready_child() { co_return 1; }

awaitable<void> await_ready_child(State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(co_await ready_child());
}

awaitable<void> spawn_and_join(State& state) {
  auto executor = co_await asio::this_coro::executor;
  for (auto _ : state)
    benchmark::DoNotOptimize(co_await asio::co_spawn(executor, ready_child(), use_awaitable));
}

constexpr int tasks = 1'000;

awaitable<void> yield_until(const bool& over) {
  while (!over) co_await asio::post(use_awaitable);
}
awaitable<void> yield_1000_tasks(State& state) {
  auto executor = co_await asio::this_coro::executor;
  auto over = std::make_unique<bool>(false);
  for (int i = 1; i < tasks; ++i) asio::co_spawn(executor, yield_until(*over), asio::detached);
  co_await asio::post(use_awaitable);
  while (state.KeepRunningBatch(tasks)) co_await asio::post(use_awaitable);
  *over = true;
  co_await asio::post(use_awaitable);  // the others see it, in the order of the line
}

using channel = asio::experimental::channel<void(asio::error_code, int)>;

awaitable<void> produce(channel& items) {
  try {
    for (int i = 0;; ++i) co_await items.async_send(asio::error_code(), i, use_awaitable);
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): closed
  }
}
awaitable<void> queue_hop(State& state) {
  auto executor = co_await asio::this_coro::executor;
  channel items(executor, 10);
  asio::co_spawn(executor, produce(items), asio::detached);
  for (auto _ : state) benchmark::DoNotOptimize(co_await items.async_receive(use_awaitable));
  items.close();
  co_await asio::post(use_awaitable);
  co_await asio::post(use_awaitable);
}

constexpr std::size_t timers = 1'000'000;
constexpr std::size_t scatter = 7'919;

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

template <bool measure_schedule>
void timers_1e6(State& state) {
  asio::io_context context(1);
  std::vector<asio::steady_timer> all;
  all.reserve(timers);
  for (std::size_t i = 0; i < timers; ++i) all.emplace_back(context);
  const auto base = std::chrono::steady_clock::now();
  const auto schedule = [&] {
    for (std::size_t i = 0; i < timers; ++i) {
      all[i].expires_at(base + std::chrono::seconds(100 + i * scatter % 1'000));
      all[i].async_wait([](const asio::error_code&) {});
    }
  };
  const auto cancel = [&] {
    for (std::size_t i = 0; i < timers; ++i) all[i * scatter % timers].cancel();
  };
  const auto run_handlers = [&] {
    context.restart();
    context.poll();
  };
  schedule();  // so that the memory is there
  cancel();
  run_handlers();
  while (state.KeepRunningBatch(timers)) {
    auto begun = std::chrono::steady_clock::now();
    schedule();
    const double scheduled = seconds_since(begun);
    begun = std::chrono::steady_clock::now();
    cancel();
    state.SetIterationTime(measure_schedule ? scheduled : seconds_since(begun));
    run_handlers();
  }
}

constexpr int sleepers = 100'000;

awaitable<void> sleep_once() {
  asio::steady_timer t(co_await asio::this_coro::executor, std::chrono::milliseconds(300));
  co_await t.async_wait(use_awaitable);
}
void sleep_100000(State& state) {
  for (auto _ : state) {
    asio::io_context context(1);
    for (int i = 0; i < sleepers; ++i) asio::co_spawn(context, sleep_once(), asio::detached);
    context.run();
  }
}

constexpr int depth = 10;
constexpr int cancelled = 100;

// Rondo's cancel_frame: a cancelled wait throws, through ten frames.
[[gnu::noinline]] awaitable<void> wait_deep(asio::steady_timer& never, int frames) {
  if (frames == 1)
    co_await never.async_wait(use_awaitable);
  else
    co_await wait_deep(never, frames - 1);
}
void cancel_frame(State& state) {
  asio::io_context context(1);
  std::vector<asio::steady_timer> waits;
  waits.reserve(cancelled);
  for (int i = 0; i < cancelled; ++i) waits.emplace_back(context, std::chrono::hours(1));
  while (state.KeepRunningBatch(cancelled * depth)) {
    for (auto& never : waits) asio::co_spawn(context, wait_deep(never, depth), asio::detached);
    context.restart();
    context.poll();  // all of them wait now
    const auto begun = std::chrono::steady_clock::now();
    for (auto& never : waits) never.cancel();
    context.run();
    state.SetIterationTime(seconds_since(begun));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto add = [](const char* name, void (*body)(State&)) {
    return benchmark::RegisterBenchmark(name, body);
  };
  add("await_ready_child", in_loop<await_ready_child>);
  add("yield_1000_tasks", in_loop<yield_1000_tasks>);
  add("spawn_and_join", in_loop<spawn_and_join>);
  add("queue_hop", in_loop<queue_hop>);
  add("timers_1e6/schedule", timers_1e6<true>)->Iterations(timers)->UseManualTime();
  add("timers_1e6/cancel", timers_1e6<false>)->Iterations(timers)->UseManualTime();
  add("sleep_100000_for_300ms", sleep_100000)
      ->Iterations(1)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  add("cancel_frame", cancel_frame)->UseManualTime();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
