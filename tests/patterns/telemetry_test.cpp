#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace telemetry_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

task<int> good() { co_return 1; }
task<int> bad() {
  throw std::runtime_error("bad");
  co_return 1;
}
task<int> slow() {
  co_await sleep_for(1h);
  co_return 1;
}

// The sink while it lives.
template <class Sink>
class listening {
 public:
  listening() : before_(set_telemetry(&sink_)) {}
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;
  ~listening() { set_telemetry(before_); }
  Sink* operator->() { return &sink_; }

 private:
  Sink sink_;
  telemetry* before_;
};

struct recorder final : telemetry {
  void take(const policy_event& e) override {
    using kind = policy_event::kind;
    constexpr const char* ends[] = {"value", "error", "rejected", "timed out", "cancelled"};
    std::string line;
    switch (e.what) {
      case kind::attempt_ended: line = "attempt"; break;
      case kind::call_ended: line = "call"; break;
      case kind::refused: line = "refused by"; break;
      case kind::again: line = "again by"; break;
      case kind::substituted: line = "substituted by"; break;
      case kind::circuit_changed: line = "changed"; break;
    }
    line += *e.policy ? std::string(" ") + e.policy : "";
    if (e.what == kind::attempt_ended || e.what == kind::call_ended)
      line += std::string(" ") + ends[static_cast<int>(e.how)];
    lines.push_back(line + " " + std::to_string(e.took / 1ms));
    if (throws) throw std::logic_error("a sink's own");
  }
  std::vector<std::string> lines;
  bool throws = false;
};
using lines = std::vector<std::string>;

}  // namespace

TEST(Telemetry, TellsWhatHappensInACall) {
  simulate([]() -> task<> {
    circuit_breaker breaker(circuit_breaker::options().consecutive_failures(2));
    const auto stack = compose(fallback(7), retry().backoff(backoff::constant(10ms)), breaker,
                               attempt_timeout(20ms));
    listening<recorder> to;
    EXPECT_EQ(co_await stack(slow), 7);
    EXPECT_EQ(to->lines, (lines{"attempt timed out 20", "again by retry 10", "attempt timed out 20",
                                "changed circuit_breaker 0", "again by retry 10",
                                "refused by circuit_breaker 0", "call value 60"}));
  });
}

TEST(Telemetry, TellsOfACallThatWasCancelled) {
  simulate([]() -> task<> {
    listening<recorder> to;
    EXPECT_FALSE(co_await try_for(5ms, compose(retry())(slow)));
    EXPECT_EQ(to->lines, (lines{"call cancelled 5"}));
  });
}

TEST(Telemetry, ASinkThatThrowsDoesNoHarm) {
  int unhandled = 0;
  run_as(
      run_options().reactor(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr&) {
        ++unhandled;
      }),
      []() -> task<> {
        listening<recorder> to;
        to->throws = true;
        EXPECT_EQ(co_await compose(retry())(good), 1);
        EXPECT_EQ(to->lines.size(), 2U);
      });
  EXPECT_EQ(unhandled, 2);
}

TEST(Telemetry, CountersAddUpCallsAttemptsAndDurations) {
  simulate([]() -> task<> {
    circuit_breaker breaker(circuit_breaker::options().consecutive_failures(2));
    const auto stack = compose(retry().max_attempts(2).backoff(backoff::constant(10ms)), breaker);
    listening<policy_counters> seen;
    EXPECT_EQ(co_await stack(good), 1);
    (void)co_await stack.run(bad);
    (void)co_await stack.run(good);
    EXPECT_EQ(seen->calls(call_end::value).count, 1U);
    EXPECT_EQ(seen->calls(call_end::error).count, 1U);
    EXPECT_EQ(seen->calls(call_end::error).longest, 10ms);
    EXPECT_EQ(seen->calls(call_end::rejected).count, 1U);
    EXPECT_EQ(seen->attempts(call_end::error).count, 2U);
    EXPECT_EQ(seen->refused(rejection_reason::circuit_open), 1U);
    EXPECT_EQ(seen->tried_again(), 1U);
    EXPECT_EQ(seen->circuits_opened(), 1U);
  });
}

#ifndef RONDO_TEST_SANITIZED
TEST(Telemetry, AllocatesNothing) {
  simulate([]() -> task<> {
    const auto stack = compose(retry(), attempt_timeout(1s));
    listening<policy_counters> seen;
    co_await stack(good);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) co_await stack(good);
    EXPECT_EQ(allocations(), before);
    EXPECT_EQ(seen->calls(call_end::value).count, 101U);
  });
}
#endif

}  // namespace telemetry_test
