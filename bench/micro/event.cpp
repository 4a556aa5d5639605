// Tasks that wait for each other: an event that is set already, two tasks that wake each other by
// events, ten that meet at a barrier.
#include "harness.hpp"

#include <rondo/runtime/barrier.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

task<> wait_for_set_event(State& state) {
  event set;
  set.set();
  const costs counted(state);
  for (auto _ : state) co_await set.wait();
}

struct table {
  event ping;
  event pong;
  bool over = false;
};

task<> answer(table& t) {
  while (!t.over) {
    co_await t.ping.wait();
    t.ping.clear();
    t.pong.set();
  }
}

task<> play(State& state, task_group& group, table& t) {
  group.spawn(answer(t));
  {
    const costs counted(state);
    while (state.KeepRunningBatch(2)) {  // there and back
      t.ping.set();
      co_await t.pong.wait();
      t.pong.clear();
    }
  }
  t.over = true;
  t.ping.set();
}

task<> event_hop(State& state) {
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

}  // namespace

void add_event() {
  add_on_each_reactor("event_already_set", wait_for_set_event);
  add_on_each_reactor("event_hop", event_hop);
  add_on_each_reactor("barrier_of_10", barrier_of_ten);
}

}  // namespace rondo::bench
