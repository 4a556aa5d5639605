// An item's way from one task to another through a queue of ten.
#include "harness.hpp"

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

}  // namespace

void add_queue() { add_on_each_reactor("queue_hop", queue_hop); }

}  // namespace rondo::bench
