// An item's way from one task to another: through a queue of ten, a channel without room, the first
// of two queues.
#include "harness.hpp"

#include <rondo/patterns/select.hpp>
#include <rondo/runtime/channel.hpp>
#include <rondo/runtime/queue.hpp>
#include <rondo/runtime/task_group.hpp>

namespace rondo::bench {
namespace {

constexpr std::size_t capacity = 10;

task<> produce(queue<int>& q) {
  for (int i = 0;; ++i) co_await q.put(i);
}

task<> consume(State& state, task_group& group, queue<int>& q) {
  auto producer = group.spawn(produce(q));
  {
    const costs counted(state);
    for (auto _ : state) benchmark::DoNotOptimize(co_await q.get());
  }
  producer.cancel();
}

task<> queue_hop(State& state) {
  queue<int> q(capacity);
  co_await with_task_group([&](task_group& group) { return consume(state, group, q); });
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

void add_queue() {
  add_on_each_reactor("queue_hop", queue_hop);
  add_on_each_reactor("channel_rendezvous", channel_rendezvous);
  add_on_each_reactor("select_two_queues", select_two_queues);
}

}  // namespace rondo::bench
