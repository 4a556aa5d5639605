// Events: one that is set already, and two tasks that wake each other.
#include "harness.hpp"

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

}  // namespace

void add_event() {
  add_on_each_reactor("event_already_set", wait_for_set_event);
  add_on_each_reactor("event_hop", event_hop);
}

}  // namespace rondo::bench
