// Calls through policies, beside the bare call: what is added is what the policies cost.
#include "harness.hpp"

#include <rondo/patterns/circuit_breaker.hpp>
#include <rondo/patterns/compose.hpp>
#include <rondo/patterns/fallback.hpp>
#include <rondo/patterns/retry.hpp>
#include <rondo/patterns/timeouts.hpp>

namespace rondo::bench {
namespace {

using namespace std::chrono_literals;

[[gnu::noinline]] task<int> ready_call() { co_return 1; }

task<> policies_bare_call(State& state) {
  const costs counted(state);
  for (auto _ : state) {
    outcome<int> o = co_await as_result(ready_call());
    benchmark::DoNotOptimize(o);
  }
}

template <class Stack>
task<> call_through(State& state, const Stack& stack) {
  (void)co_await stack.run(ready_call);
  const costs counted(state);
  for (auto _ : state) {
    outcome<int> o = co_await stack.run(ready_call);
    benchmark::DoNotOptimize(o);
  }
}

task<> policies_breaker(State& state) {
  circuit_breaker breaker;
  const auto stack = compose(breaker);
  co_await call_through(state, stack);
}
task<> policies_refused(State& state) {
  circuit_breaker breaker(circuit_breaker::options().consecutive_failures(1));
  breaker.admit().settle(verdict::failure);
  const auto stack = compose(retry(), breaker);
  co_await call_through(state, stack);
}
task<> policies_attempt_timeout(State& state) {
  const auto stack = compose(attempt_timeout(10s));
  co_await call_through(state, stack);
}
task<> policies_five(State& state) {
  circuit_breaker breaker;
  const auto stack =
      compose(fallback(0), total_timeout(30s), retry(), breaker, attempt_timeout(10s));
  co_await call_through(state, stack);
}

}  // namespace

void add_compose() {
  add_on_each_reactor("policies_bare_call", policies_bare_call);
  add_on_each_reactor("policies_breaker", policies_breaker);
  add_on_each_reactor("policies_refused", policies_refused);
  add_on_each_reactor("policies_attempt_timeout", policies_attempt_timeout);
  add_on_each_reactor("policies_five", policies_five);
}

}  // namespace rondo::bench
