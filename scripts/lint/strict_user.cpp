// A program with numbers as users write them: what headers-alone compiles beside each header, because a warning
// in a template comes only when it is used.
#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>
#include <rondo/testing.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

using namespace rondo;

task<std::size_t> zero() { co_return 0; }
task<double> half() { co_return 1; }
task<bool> yes() { co_return true; }
task<> strict() {
  auto [p, f] = make_promise<std::size_t>();
  p.set_value(0);
  (void)co_await std::move(f);
  queue<std::size_t> q(1);
  co_await q.put(0);
  int n = 3;
  semaphore s(n);
  auto x = co_await s.acquire(n);
  (void)co_await to_thread([] { return 0; });
  auto v = co_await map_concurrent(std::vector<int>{1}, n,
                                   [](int) -> task<std::size_t> { co_return 0; });
  auto [a, b] = co_await gather(zero(), half());
  (void)a;
  (void)b;
  outcome<std::size_t> o(std::in_place, 0);
  retry r = retry().max_attempts(n);
  co_await with_task_group([](task_group& g) -> task<> {
    auto k = co_await g.start([](started<std::size_t> ready) -> task<> {
      ready(0);
      co_return;
    });
    (void)k;
  });
}

task<std::size_t> policies() {
  using namespace std::chrono_literals;
  circuit_breaker breaker;
  auto stack = compose(total_timeout(3s), retry().max_attempts(3), breaker, attempt_timeout(1s));
  co_return (co_await stack.run(zero)).value();
}
std::size_t runs() {
  using namespace std::chrono_literals;
  run(timeout(1s, strict()));
  run(shield(strict()), run_options().reactor(reactor_kind::simulated));
  run(finally(strict(), strict));
  const auto o = run(try_for(1s, zero()));
  return run(timeout(1s, policies)) + (o ? *o : 0);
}
void tests() {
  test::cancel_at_every_wait(strict, [] { test::expect(true, "so it is"); });
  test::cancel_at_every_wait(run_options(), zero, [](outcome<std::size_t>& o) { (void)o; });
  test::seeds(0, 3, [](std::uint64_t seed) -> task<std::size_t> { co_return seed; });
}
