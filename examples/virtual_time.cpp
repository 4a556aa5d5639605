// Testing on the simulation: retry is watched attempt by attempt on a clock that jumps, then a
// client runs against a network that refuses at random, from a hundred seeds. Half a minute of
// waiting takes a moment, and every run is the same. `check` stands for what your test framework
// has; docs/testing.md explains the rest.
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using rondo::task;

void check(bool right, const char* what) {
  std::printf("%s %s\n", right ? "ok    " : "FAILED", what);
  if (!right) std::exit(1);
}

task<> retry_waits_longer_each_time() {
  const auto begun = rondo::this_loop().now();
  const auto again =
      rondo::retry().max_attempts(4).backoff(rondo::backoff::exponential(1s).no_jitter());
  int attempts = 0;
  const auto flaky = [&]() -> task<int> {
    if (++attempts < 4) throw std::runtime_error("not yet");
    co_return 42;
  };
  co_await rondo::with_task_group([&](rondo::task_group& g) -> task<> {
    auto call = g.spawn(again(flaky));
    co_await rondo::wait_until_idle();  // it has got as far as it gets without time passing
    check(attempts == 1, "the first attempt is made at once");
    co_await rondo::sleep_for(999ms);
    check(attempts == 1, "the second one is not made too early");
    co_await rondo::sleep_for(1ms);
    co_await rondo::wait_until_idle();
    check(attempts == 2, "the second one is made after a second");
    check(co_await call == 42, "the fourth one succeeds");
    check(rondo::this_loop().now() - begun == 7s, "after 1 + 2 + 4 seconds");
  });
}

// Connects until it gets through; the attempts it took.
task<int> client_gets_through() {
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse("127.0.0.1:0"));
  const auto again = rondo::retry().max_attempts(30).backoff(rondo::backoff::constant(1s));
  int attempts = 0;
  const auto connect = [&] {
    ++attempts;
    return rondo::net::tcp_stream::connect(listener.local_endpoint());
  };
  const auto [served, connected] = co_await rondo::gather(listener.accept(), again(connect));
  co_return attempts;
}

int main() {
  rondo::run(retry_waits_longer_each_time(),
             rondo::run_options().reactor(rondo::reactor_kind::simulated));
  int most = 0;
  std::string trace;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {  // a failure is repeated by its seed
    rondo::simulation_options world;
    trace.clear();
    world.seed(seed).latency(1ms, 20ms).refusals(0.5).trace(trace);
    const int attempts = rondo::run(client_gets_through(), rondo::run_options().simulation(world));
    most = attempts > most ? attempts : most;
  }
  std::printf("ok     a hundred clients got through, one at its attempt %d\n", most);
  std::printf("the last one, event by event:\n%s", trace.c_str());
}
