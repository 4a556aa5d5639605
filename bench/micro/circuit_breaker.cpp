// A circuit breaker's admission and settlement, its refusal, and the same of the one for several
// threads.
#include "harness.hpp"

#include <rondo/patterns/shared_circuit_breaker.hpp>

namespace rondo::bench {
namespace {

using namespace std::chrono_literals;

template <class Breaker>
void admit_and_settle(State& state, circuit_breaker::options options) {
  const circuit_breaker::time_point now(1h);
  Breaker b(std::move(options), now);
  for (auto _ : state) {
    auto p = b.admit(now);
    benchmark::DoNotOptimize(p);
    p.settle(verdict::success, now);
    benchmark::ClobberMemory();
  }
}

void breaker_admit_settle(State& state) { admit_and_settle<circuit_breaker>(state, {}); }
void breaker_admit_settle_count_window(State& state) {
  admit_and_settle<circuit_breaker>(state, circuit_breaker::options().failure_rate(0.5));
}
void breaker_admit_settle_time_window(State& state) {
  admit_and_settle<circuit_breaker>(state,
                                    circuit_breaker::options().failure_rate(0.5).time_window(10s));
}
void shared_breaker_admit_settle(State& state) {
  admit_and_settle<shared_circuit_breaker>(state, {});
}

template <class Breaker>
void refuse(State& state) {
  const circuit_breaker::time_point now(1h);
  Breaker b(circuit_breaker::options().consecutive_failures(1), now);
  b.admit(now).settle(verdict::failure, now);
  for (auto _ : state) {
    auto p = b.admit(now);
    benchmark::DoNotOptimize(p);
  }
}
void breaker_refuse(State& state) { refuse<circuit_breaker>(state); }
void shared_breaker_refuse(State& state) { refuse<shared_circuit_breaker>(state); }

}  // namespace

void add_circuit_breaker() {
  add("breaker_admit_settle", breaker_admit_settle);
  add("breaker_admit_settle_count_window", breaker_admit_settle_count_window);
  add("breaker_admit_settle_time_window", breaker_admit_settle_time_window);
  add("breaker_refuse", breaker_refuse);
  add("shared_breaker_admit_settle", shared_breaker_admit_settle);
  add("shared_breaker_refuse", shared_breaker_refuse);
}

}  // namespace rondo::bench
