// What the micro benchmarks share.
//
// A benchmark is a task that takes the benchmark's state:
//
//   task<> await_ready_child(benchmark::State& state) {
//     costs counted(state);
//     for (auto _ : state) co_await ready_child();
//   }
//   void add_await() { add_on_each_reactor("await_ready_child", await_ready_child); }
//
// The loop, its reactor and the main task are there before the clock starts. One iteration is one
// operation; what does many at a time counts them with state.KeepRunningBatch(many).
#pragma once

#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/task.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace rondo::bench {

using benchmark::State;
using coroutine_benchmark = task<> (*)(State&);
using registered = benchmark::internal::Benchmark;

// Adds a benchmark. BENCH_ITERATIONS in the environment fixes how many iterations it makes, so that
// instructions can be counted exactly: the difference of two runs leaves out what comes before and
// after.
registered& add(const std::string& name, void (*body)(State&));
// Adds it on a loop with this reactor, as "name/epoll" or "name/io_uring".
registered& add_on(reactor_kind kind, const std::string& name, coroutine_benchmark body);
void add_on_each_reactor(const std::string& name, coroutine_benchmark body);

// Counts what an operation costs besides time and puts it beside the time, an iteration:
//   allocs    calls of operator new
//   frames    frames among them: what the frame pool had to take from the heap
//   syscalls  system calls of the reactor
// To be constructed in the task, right before the measured loop, and destroyed right after it.
class costs {
 public:
  explicit costs(State& state) noexcept;
  costs(const costs&) = delete;
  costs& operator=(const costs&) = delete;
  ~costs();

 private:
  struct sums {
    std::uint64_t allocations;
    std::uint64_t frames;
    std::uint64_t system_calls;
  };
  static sums now() noexcept;

  State& state_;
  sums before_;
};

// For what is timed by hand, between state.KeepRunning and state.SetIterationTime. CPU time of the
// thread: what else runs on the machine is not in it.
class stopwatch {
 public:
  double seconds() const noexcept { return read() - start_; }

 private:
  static double read() noexcept;
  double start_ = read();
};

// One a file.
void add_await();
void add_bridges();
void add_cancel();
void add_circuit_breaker();
void add_compose();
void add_event();
void add_inspect();
void add_gather();
void add_http();
void add_lock();
void add_policy();
void add_limits();
void add_queue();
void add_sleep();
void add_spawn();
void add_threads();
void add_timeout();
void add_timers();
void add_yield();

}  // namespace rondo::bench
