// For gdb_test.py: tasks that wait in every way, at rest for ever once the tree stands on stderr.
#include <rondo/patterns/gather.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;
using namespace rondo;

namespace {

task<> innermost(event& e) { co_await e.wait(); }
task<> middle(event& e) { co_await innermost(e); }
task<> outermost(event& e) { co_await timeout(1h, middle(e)); }

task<> with_cleanup(event& e) {
  co_await finally(shield(middle(e)), []() -> task<> { co_return; });
}

task<> branches(event& e, mutex& m) {
  set_task_name("branches");
  co_await gather(middle(e), [&]() -> task<> { auto held = co_await m.lock(); });
}

task<> inner_group(queue<int>& full, queue<int>& empty, semaphore& none) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await full.put(1); });
    g.spawn([&]() -> task<> { co_await empty.get(); });
    g.spawn([&]() -> task<> { auto permit = co_await none.acquire(); });
    co_await sleep_for(24h);
  });
}

task<> announce(event& e) {
  co_await wait_until_idle();
  this_loop().post([] {
    dump_tasks();
    std::fputs("at rest\n", stderr);
    std::fflush(stderr);
  });
  co_await e.wait();
}

task<> everything() {
  event never;
  mutex held;
  semaphore one(1);
  queue<int> full(1);
  queue<int> empty(1);
  co_await full.put(0);
  auto guard = co_await held.lock();
  auto permit = co_await one.acquire();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(outermost(never));
    g.spawn(with_cleanup(never));
    g.spawn(branches(never, held));
    g.spawn(inner_group(full, empty, one));
    g.spawn(announce(never));
    co_return;
  });
}

}  // namespace

int main() { return run_main(everything()); }
