// Policies around a call that succeeds at once: what they cost when nothing goes wrong.
#include "harness.hpp"

#include <rondo/patterns/circuit_breaker.hpp>
#include <rondo/patterns/retry.hpp>

namespace rondo::bench {
namespace {

[[gnu::noinline]] task<int> ready_call() { co_return 1; }

task<> retry_not_needed(State& state) {
  retry again;
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await again([] { return ready_call(); }));
}

task<> circuit_breaker_closed(State& state) {
  circuit_breaker breaker;
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await breaker([] { return ready_call(); }));
}

}  // namespace

void add_policy() {
  add_on_each_reactor("retry_not_needed", retry_not_needed);
  add_on_each_reactor("circuit_breaker_closed", circuit_breaker_closed);
}

}  // namespace rondo::bench
