// Locks: a mutex, a semaphore of one, each free and then handed from task to task; and a condition.
#include "harness.hpp"

#include <rondo/runtime/condition.hpp>
#include <rondo/runtime/mutex.hpp>
#include <rondo/runtime/semaphore.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

auto take(mutex& m) { return m.lock(); }
auto take(semaphore& s) { return s.acquire(); }

template <class Lock>
task<> free_each_time(State& state, Lock& lock) {
  const costs counted(state);
  for (auto _ : state) {
    const auto held = co_await take(lock);
    benchmark::DoNotOptimize(&held);
  }
}
task<> mutex_free(State& state) {
  mutex m;
  co_await free_each_time(state, m);
}
task<> semaphore_free(State& state) {
  semaphore s(1);
  co_await free_each_time(state, s);
}

template <class Lock>
task<> hold_in_turn(Lock& lock, const bool& over) {
  while (!over) {
    const auto held = co_await take(lock);
    co_await yield_now();  // the other one comes to wait for it
  }
}
template <class Lock>
task<> contend(State& state, task_group& group, Lock& lock, bool& over) {
  group.spawn(hold_in_turn(lock, over));
  {
    const costs counted(state);
    for (auto _ : state) {
      const auto held = co_await take(lock);
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
task<> semaphore_handed_over(State& state) {
  semaphore s(1);
  bool over = false;
  co_await with_task_group([&](task_group& group) { return contend(state, group, s, over); });
}

// Two tasks that wake each other: each iteration is a wait and a notification.
struct table {
  mutex m;
  condition turn;
  int whose = 0;
  bool over = false;
};
task<> take_turns(table& t, int me) {
  auto lock = co_await t.m.lock();
  while (!t.over) {
    while (t.whose != me && !t.over) co_await t.turn.wait(lock);
    t.whose = 1 - me;
    t.turn.notify(1);
  }
}
task<> play(State& state, task_group& group, table& t) {
  group.spawn(take_turns(t, 1));
  {
    auto lock = co_await t.m.lock();
    const costs counted(state);
    while (state.KeepRunningBatch(2)) {  // there and back
      t.whose = 1;
      t.turn.notify(1);
      while (t.whose != 0) co_await t.turn.wait(lock);
    }
    t.over = true;
    t.turn.notify_all();
  }
}
task<> condition_hop(State& state) {
  table t;
  co_await with_task_group([&](task_group& group) { return play(state, group, t); });
}

}  // namespace

void add_lock() {
  add_on_each_reactor("mutex_free", mutex_free);
  add_on_each_reactor("mutex_handed_over", mutex_handed_over);
  add_on_each_reactor("semaphore_free", semaphore_free);
  add_on_each_reactor("semaphore_handed_over", semaphore_handed_over);
  add_on_each_reactor("condition_hop", condition_hop);
}

}  // namespace rondo::bench
