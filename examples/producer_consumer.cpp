// Two producers and three consumers over a queue of ten. The queue is closed when the producers are
// done: consumers drain what is left and end. No sentinel goes through the queue, which could
// deadlock on a full one.
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

struct item {
  int producer;
  int number;
};

rondo::task<> produce(rondo::queue<item>& queue, int id) {
  for (int n = 0; n < 10; ++n) {
    co_await rondo::sleep_for(5ms);
    co_await queue.put({id, n});  // waits while the queue is full
  }
  std::printf("producer %d: done\n", id);
}

rondo::task<> consume(rondo::queue<item>& queue, int id) {
  int handled = 0;
  while (auto next = co_await queue.next()) {  // ends when the queue is closed and drained
    co_await rondo::sleep_for(20ms);
    ++handled;
  }
  std::printf("consumer %d: handled %d items\n", id, handled);
}

rondo::task<> produce_all(rondo::queue<item>& queue) {
  co_await rondo::with_task_group([&](rondo::task_group& producers) -> rondo::task<> {
    for (int id = 1; id <= 2; ++id) producers.spawn(produce(queue, id));
    co_return;
  });
  queue.close();
}

rondo::task<> demo() {
  rondo::queue<item> queue(10);
  const auto begun = rondo::this_loop().now();
  co_await rondo::with_task_group([&](rondo::task_group& group) -> rondo::task<> {
    group.spawn(produce_all(queue));
    for (int id = 1; id <= 3; ++id) group.spawn(consume(queue, id));
    co_return;
  });
  const std::chrono::duration<double> took = rondo::this_loop().now() - begun;
  std::printf("all items handled in %.2f seconds\n", took.count());
}

int main() { return rondo::run_main(demo()); }
