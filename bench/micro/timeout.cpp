// A timeout around a task that finishes at once: the deadline is armed and disarmed.
#include "harness.hpp"

#include <rondo/runtime/scope.hpp>

namespace rondo::bench {
namespace {

[[gnu::noinline]] task<int> ready_child() { co_return 1; }

task<> timeout_in_time(State& state) {
  using namespace std::chrono_literals;
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await timeout(10s, ready_child()));
}

}  // namespace

void add_timeout() { add_on_each_reactor("timeout_in_time", timeout_in_time); }

}  // namespace rondo::bench
