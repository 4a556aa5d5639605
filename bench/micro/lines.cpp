// What tasks stand in line for, besides the mutex and the queue: a semaphore, a condition, a barrier, a channel
// without room, and one wait on two queues.
#include "harness.hpp"

#include <rondo/patterns/select.hpp>
#include <rondo/runtime/barrier.hpp>
#include <rondo/runtime/channel.hpp>
#include <rondo/runtime/condition.hpp>
#include <rondo/runtime/queue.hpp>
#include <rondo/runtime/semaphore.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

task<> semaphore_free(State& state) {
  semaphore s(1);
  const costs counted(state);
  for (auto _ : state) {
    const auto permit = co_await s.acquire();
    benchmark::DoNotOptimize(&permit);
  }
}

task<> hold_in_turn(semaphore& s, const bool& over) {
  while (!over) {
    const auto permit = co_await s.acquire();
    co_await yield_now();  // the other one comes to wait for it
  }
}
task<> contend(State& state, task_group& group, semaphore& s, bool& over) {
  group.spawn(hold_in_turn(s, over));
  {
    const costs counted(state);
    for (auto _ : state) {
      const auto permit = co_await s.acquire();
      co_await yield_now();
    }
  }
  over = true;
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

task<> arrive(barrier& b, const bool& over) {
  while (!over) co_await b.arrive_and_wait();
}
task<> arrive_counted(State& state, task_group& group, barrier& b, bool& over) {
  for (std::size_t i = 1; i < b.parties(); ++i) group.spawn(arrive(b, over));
  {
    const costs counted(state);
    while (state.KeepRunningBatch(static_cast<std::int64_t>(b.parties())))
      co_await b.arrive_and_wait();
  }
  over = true;
  group.cancel();
}
task<> barrier_of_ten(State& state) {
  barrier b(10);
  bool over = false;
  co_await with_task_group(
      [&](task_group& group) { return arrive_counted(state, group, b, over); });
}

task<> send_all(channel_sender<int> out) {
  for (int i = 0;; ++i) co_await out.send(i);
}
task<> receive(State& state, task_group& group) {
  auto [out, in] = make_channel<int>();
  auto sender = group.spawn(send_all(std::move(out)));
  {
    const costs counted(state);
    for (auto _ : state) benchmark::DoNotOptimize(co_await in.receive());
  }
  sender.cancel();
  (void)co_await sender.join();
}
task<> channel_rendezvous(State& state) {
  co_await with_task_group([&](task_group& group) { return receive(state, group); });
}

task<> put_all(queue<int>& q) {
  for (int i = 0;; ++i) co_await q.put(i);
}
task<> take_either(State& state, task_group& group, queue<int>& a, queue<int>& b) {
  auto first = group.spawn(put_all(a));
  auto second = group.spawn(put_all(b));
  {
    const costs counted(state);
    for (auto _ : state) benchmark::DoNotOptimize(co_await select(a, b));
  }
  first.cancel();
  second.cancel();
}
task<> select_two_queues(State& state) {
  queue<int> a(10);
  queue<int> b(10);
  co_await with_task_group([&](task_group& group) { return take_either(state, group, a, b); });
}

}  // namespace

void add_lines() {
  add_on_each_reactor("semaphore_free", semaphore_free);
  add_on_each_reactor("semaphore_handed_over", semaphore_handed_over);
  add_on_each_reactor("condition_hop", condition_hop);
  add_on_each_reactor("barrier_of_10", barrier_of_ten);
  add_on_each_reactor("channel_rendezvous", channel_rendezvous);
  add_on_each_reactor("select_two_queues", select_two_queues);
}

}  // namespace rondo::bench
