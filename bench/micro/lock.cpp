// Locks: a mutex that is free, and one that two tasks hand to each other.
#include "harness.hpp"

#include <rondo/runtime/mutex.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

task<> lock_free_mutex(State& state) {
  mutex m;
  const costs counted(state);
  for (auto _ : state) {
    const auto held = co_await m.lock();
    benchmark::DoNotOptimize(&held);
  }
}

task<> hold_in_turn(mutex& m, const bool& over) {
  while (!over) {
    const auto held = co_await m.lock();
    co_await yield_now();  // the other one comes to wait for it
  }
}

task<> contend(State& state, task_group& group, mutex& m, bool& over) {
  group.spawn(hold_in_turn(m, over));
  {
    const costs counted(state);
    for (auto _ : state) {
      const auto held = co_await m.lock();
      co_await yield_now();
    }
  }
  over = true;
}

task<> mutex_handed_over(State& state) {
  mutex m;
  bool over = false;
  co_await with_task_group([&](task_group& group) { return contend(state, group, m, over); });
}

}  // namespace

void add_lock() {
  add_on_each_reactor("mutex_free", lock_free_mutex);
  add_on_each_reactor("mutex_handed_over", mutex_handed_over);
}

}  // namespace rondo::bench
