// For gdb_test.py: tasks that wait in every way, at rest for ever once the tree stands on stderr.
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <array>
#include <chrono>
#include <cstddef>
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

task<> lines(queue<int>& empty) {
  queue<int> other(1);
  broadcast<int> news;
  auto mine = news.subscribe(1, overflow::wait);
  auto slow = news.subscribe(1, overflow::wait);
  co_await news.send(1);
  co_await mine.next();
  pool<int> lent([]() -> task<int> { co_return 1; }, pool_options<int>().limit(1));
  auto lease = co_await lent.acquire();
  rate_limiter rate(rate_limiter::options(1, 24h).queue(5));
  co_await rate.acquire();
  bulkhead one(bulkhead::options(1).queue(5));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await select(empty, other); });
    g.spawn([&]() -> task<> { co_await mine.next(); });
    g.spawn([&]() -> task<> { co_await news.send(2); });
    g.spawn([&]() -> task<> { auto next = co_await lent.acquire(); });
    g.spawn([&]() -> task<> { co_await rate.acquire(); });
    for (int i = 0; i < 2; ++i) g.spawn(one([]() -> task<> { co_await sleep_for(24h); }));
    co_return;
  });
}

task<> sockets() {
  auto listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  auto one = co_await net::tcp_stream::connect(listener.local_endpoint());
  auto other = co_await listener.accept();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await listener.accept(); });
    g.spawn([&]() -> task<> { co_await one.gone(); });
    g.spawn([&]() -> task<> {
      std::array<std::byte, 10> bytes{};
      co_await one.read_some(bytes);
    });
    g.spawn([&]() -> task<> { co_await other.receive(); });
    co_return;
  });
}

task<> announce(event& e) {
  // The sockets' tasks come to rest behind what the kernel says.
  for (int i = 0; i < 10; ++i) co_await wait_until_idle();
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
    g.spawn(lines(empty));
    g.spawn(sockets());
    g.spawn(announce(never));
    co_return;
  });
}

}  // namespace

int main() { return run_main(everything()); }
