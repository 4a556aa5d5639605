// Between threads: a post to one's own loop, a call in another thread and back, and the channel
// between loops.
#include "harness.hpp"

#include <rondo/runtime/event.hpp>
#include <rondo/runtime/task_group.hpp>
#include <rondo/runtime/thread_channel.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <thread>

namespace rondo::bench {
namespace {

constexpr int posts = 1'000;

task<> post_to_own_loop(State& state) {
  const costs counted(state);
  while (state.KeepRunningBatch(posts)) {
    event all;
    for (int i = 1; i < posts; ++i) this_loop().post([] {});
    this_loop().post([&] { all.set(); });
    co_await all.wait();
  }
}

// Wall time: the way there and back is mostly the kernel's, on the other core.
task<> to_thread_and_back(State& state) {
  const costs counted(state);
  for (auto _ : state) co_await to_thread([] {});
}

task<> put_all(thread_channel<int>& c) {
  for (int i = 0;; ++i) co_await c.put(i);
}
task<> take(State& state, task_group& group, thread_channel<int>& c) {
  auto producer = group.spawn(put_all(c));
  {
    const costs counted(state);
    for (auto _ : state) benchmark::DoNotOptimize(co_await c.get());
  }
  producer.cancel();
}
task<> thread_channel_hop_same_loop(State& state) {
  thread_channel<int> c(10);
  co_await with_task_group([&](task_group& group) { return take(state, group, c); });
}

// A thread without a loop puts as fast as there is room.
task<> thread_channel_from_thread(State& state) {
  thread_channel<int> c(1000);
  std::thread producer([&] {
    try {
      for (int i = 0;;)
        if (c.try_put(i)) ++i;
    } catch (const queue_closed&) {  // NOLINT(bugprone-empty-catch): the end
    }
  });
  {
    const costs counted(state);
    for (auto _ : state) benchmark::DoNotOptimize(co_await c.get());
  }
  c.close();
  producer.join();
}

}  // namespace

void add_threads() {
  add_on_each_reactor("post_1000", post_to_own_loop);
  for (const auto kind : {reactor_kind::epoll, reactor_kind::io_uring})
    add_on(kind, "to_thread_and_back", to_thread_and_back).UseRealTime();
  add_on_each_reactor("thread_channel_hop_same_loop", thread_channel_hop_same_loop);
  for (const auto kind : {reactor_kind::epoll, reactor_kind::io_uring})
    add_on(kind, "thread_channel_from_thread", thread_channel_from_thread).UseRealTime();
}

}  // namespace rondo::bench
