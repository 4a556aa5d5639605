// An operation that fails at random, inside one circuit breaker that all calls share, inside retry
// with exponential back-off and jitter. The breaker is made once: one that is made anew for each
// call could never open.
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>
#include <random>

using namespace std::chrono_literals;
using rondo::circuit_breaker;

const char* name_of(circuit_breaker::state s) {
  switch (s) {
    case circuit_breaker::state::closed: return "closed";
    case circuit_breaker::state::open: return "open";
    case circuit_breaker::state::half_open: return "half-open";
    case circuit_breaker::state::isolated: return "isolated";
  }
  return "?";
}

class flaky_service {
 public:
  rondo::task<int> call() {
    co_await rondo::sleep_for(5ms);
    if (random_() % 10 < 6) throw std::runtime_error("the service is down");
    co_return 42;
  }

 private:
  std::mt19937 random_{4};  // the same run every time
};

rondo::task<> demo() {
  flaky_service service;
  circuit_breaker breaker(
      circuit_breaker::options().consecutive_failures(3).open_for(100ms).on_transition(
          [](const circuit_breaker::transition& t) {
            std::printf("  breaker: %s -> %s\n", name_of(t.from), name_of(t.to));
          }));
  const auto again =
      rondo::retry()
          .max_attempts(4)
          .backoff(rondo::backoff::exponential(20ms).full_jitter().seed(1))
          .on_retry([](std::uint64_t attempt, std::chrono::nanoseconds delay,
                       const std::exception_ptr& e) {
            try {
              std::rethrow_exception(e);
            } catch (const std::exception& error) {
              std::printf("  attempt %d failed (%s), next in %.0f ms\n", static_cast<int>(attempt),
                          error.what(), std::chrono::duration<double, std::milli>(delay).count());
            }
          });
  for (int i = 1; i <= 6; ++i) {
    std::printf("operation %d\n", i);
    try {
      const int answer = co_await again([&] { return breaker([&] { return service.call(); }); });
      std::printf("  answer %d\n", answer);
    } catch (const std::exception& e) {
      std::printf("  given up: %s\n", e.what());
    }
    if (breaker.current() == circuit_breaker::state::open) co_await rondo::sleep_for(120ms);
  }
}

int main() { return rondo::run_main(demo()); }
