// Compiles: the right forms of what the other files do wrong.
#include <rondo/runtime.hpp>

#include <memory>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;

task<int> answer() { co_return 42; }

task<> right() {
  task<int> t = answer();
  (void)co_await std::move(t);
  co_await sleep_for(1s);
  co_await with_task_group([](task_group& g) -> task<> {
    g.spawn(answer());
    co_return;
  });
  (void)co_await timeout(1s, answer);
  (void)co_await to_thread([] { return 1; });
  queue<std::unique_ptr<int>> q(1);
  (void)q.try_put(std::make_unique<int>(1));
}
