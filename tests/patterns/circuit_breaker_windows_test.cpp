// Rates over windows, slow calls, and open times that grow; without a loop.
#include <rondo/patterns/circuit_breaker.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace circuit_breaker_windows_test {

using namespace rondo;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using state = circuit_state;
using options = circuit_breaker::options;

namespace {

constexpr circuit_breaker::time_point at(nanoseconds d) {
  return circuit_breaker::time_point(d + 1000h);
}

void call(circuit_breaker& b, verdict v, nanoseconds now, nanoseconds took = 0ns) {
  auto p = b.admit(at(now));
  ASSERT_TRUE(p);
  p.settle(v, at(now + took));
}
void calls(circuit_breaker& b, int n, verdict v, nanoseconds now = 0ns) {
  for (int i = 0; i < n; ++i) call(b, v, now);
}

std::string refusal(const options& o) {
  try {
    const circuit_breaker b(o);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}
template <class Fn>
std::string refusal_of(Fn set) {
  try {
    set();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST(CircuitBreakerWindows, AShareOfTheLastHundredCallsOpensIt) {
  circuit_breaker b(options().failure_rate(0.5));
  calls(b, 60, verdict::success);
  calls(b, 40, verdict::failure);
  calls(b, 9, verdict::failure);  // 49 of the last 100
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreakerWindows, AShareOfFewerThanTwentyCallsSaysNothing) {
  circuit_breaker b(options().failure_rate(0.5));
  calls(b, 19, verdict::failure);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::success, 0s);  // the twentieth call, whatever it is
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreakerWindows, NeutralCallsDoNotCount) {
  circuit_breaker b(options().failure_rate(0.5).count_window(4, 4));
  calls(b, 3, verdict::failure);
  calls(b, 100, verdict::neutral);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreakerWindows, CallsLeaveTheTimeWindowWithTheirPart) {
  // Parts of one second; the first begins with the first call, at 5 s.
  circuit_breaker b(options().failure_rate(0.5).time_window(10s, 20));
  calls(b, 10, verdict::failure, 5s);
  calls(b, 9, verdict::success, 15s - 1ns);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::success, 15s - 1ns);  // all 20 are in the window for one nanosecond more
  EXPECT_EQ(b.current(), state::open);

  circuit_breaker c(options().failure_rate(0.5).time_window(10s, 20));
  calls(c, 10, verdict::failure, 5s);
  calls(c, 20, verdict::success, 15s);  // the failures have just left
  EXPECT_EQ(c.current(), state::closed);
  calls(c, 19, verdict::failure, 15s);
  EXPECT_EQ(c.current(), state::closed);
  call(c, verdict::failure, 15s);
  EXPECT_EQ(c.current(), state::open);
}

TEST(CircuitBreakerWindows, ATimeWindowForgetsAllAfterALongPause) {
  circuit_breaker b(options().failure_rate(0.5).time_window(10s, 2));
  call(b, verdict::failure, 0s);
  call(b, verdict::failure, 1000h);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 1000h);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreakerWindows, SlowCallsOpenItThoughTheySucceed) {
  circuit_breaker b(options().slow_calls(2s, 0.5).count_window(4, 4));
  call(b, verdict::success, 0s, 2s + 1ns);
  call(b, verdict::success, 0s, 2s);  // not slow
  call(b, verdict::success, 0s, 1s);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::success, 0s, 3s);
  EXPECT_EQ(b.current(), state::open);
  EXPECT_EQ(b.totals().slow, 2U);
}

TEST(CircuitBreakerWindows, ASlowProbeOpensItAgain) {
  circuit_breaker b(options().slow_calls(2s, 1).count_window(1, 1));
  call(b, verdict::success, 0s, 3s);
  call(b, verdict::success, 63s, 2s + 1ns);
  EXPECT_EQ(b.current(), state::open);
  call(b, verdict::success, 126s, 2s);
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreakerWindows, TheWindowIsEmptyAfterClosing) {
  circuit_breaker b(options().failure_rate(1).count_window(3, 3).open_for(1s));
  calls(b, 3, verdict::failure);
  call(b, verdict::success, 1s);
  EXPECT_EQ(b.current(), state::closed);
  calls(b, 2, verdict::failure, 1s);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 1s);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreakerWindows, FailuresInARowCountBesidesARateOnlyWhenAskedTo) {
  circuit_breaker b(options().failure_rate(1));
  calls(b, 19, verdict::failure);
  EXPECT_EQ(b.current(), state::closed);
  circuit_breaker c(options().failure_rate(1).consecutive_failures(3));
  calls(c, 3, verdict::failure);
  EXPECT_EQ(c.current(), state::open);
}

TEST(CircuitBreakerWindows, TheOpenTimeGrowsWithEachProbeThatFailsAndStartsAgainWhenClosed) {
  circuit_breaker b(options().consecutive_failures(1).open_for(backoff::exponential(1s).cap(3s)));
  std::vector<nanoseconds> open_times;
  nanoseconds now{};
  for (int i = 0; i < 4; ++i) {
    call(b, verdict::failure, now);
    open_times.push_back(b.open_until() - at(now));
    EXPECT_FALSE(b.admit(b.open_until() - 1ns));
    now += open_times.back();
  }
  EXPECT_EQ(open_times, (std::vector<nanoseconds>{1s, 2s, 3s, 3s}));
  call(b, verdict::success, now);
  call(b, verdict::failure, now);
  EXPECT_EQ(b.open_until(), at(now + 1s));
}

TEST(CircuitBreakerWindows, JitterSpreadsTheOpenTimes) {
  const auto jittered = [](std::uint64_t seed) {
    circuit_breaker b(options().consecutive_failures(1).open_for(
        backoff::constant(10s).equal_jitter().seed(seed)));
    call(b, verdict::failure, 0s);
    return b.open_until() - at(0s);
  };
  EXPECT_NE(jittered(1), jittered(2));
  EXPECT_EQ(jittered(1), jittered(1));
  EXPECT_GE(jittered(3), 5s);
  EXPECT_LE(jittered(3), 10s);
}

TEST(CircuitBreakerWindows, TellWhyTheyOpened) {
  std::vector<circuit_cause> why;
  circuit_breaker b(options()
                        .consecutive_failures(2)
                        .failure_rate(0.5)
                        .slow_calls(1s, 0.5)
                        .count_window(4, 4)
                        .on_transition([&](const circuit_transition& t) { why.push_back(t.why); }));
  calls(b, 2, verdict::failure);
  call(b, verdict::success, 60s);
  for (int i = 0; i < 2; ++i) {
    call(b, verdict::failure, 60s);
    call(b, verdict::success, 60s);
  }
  call(b, verdict::failure, 120s);
  using c = circuit_cause;
  EXPECT_EQ(why, (std::vector{c::failures_in_a_row, c::time_over, c::probes_succeeded,
                              c::failure_rate, c::time_over, c::probe_failed}));
}

TEST(CircuitBreakerWindows, TheTimeInEachStateIsKnownAtAnyTime) {
  circuit_breaker b(options().consecutive_failures(1).open_for(60s), at(0s));
  call(b, verdict::failure, 10s);
  EXPECT_EQ(b.time_in(state::closed, at(15s)), 10s);
  EXPECT_EQ(b.time_in(state::open, at(15s)), 5s);
  auto p = b.admit(at(75s));
  p.settle(verdict::success, at(80s));
  EXPECT_EQ(b.time_in(state::open, at(100s)), 65s);
  EXPECT_EQ(b.time_in(state::half_open, at(100s)), 5s);
  EXPECT_EQ(b.time_in(state::closed, at(100s)), 30s);
  EXPECT_EQ(b.since(), at(80s));
}

TEST(CircuitBreakerWindows, RefuseOptionsThatContradictEachOther) {
  EXPECT_EQ(refusal(options().failure_rate(0.5).count_window(100).time_window(10s)),
            "circuit_breaker: count_window and time_window exclude each other: choose one");
  EXPECT_EQ(refusal(options().count_window(100)),
            "circuit_breaker: a window without failure_rate or slow_calls would never open it");
  EXPECT_EQ(refusal(options().failure_rate(1).count_window(20, 20)), "");
}

TEST(CircuitBreakerWindows, RefuseValuesThatMakeNoSense) {
  EXPECT_EQ(refusal_of([] { options().count_window(10, 20); }),
            "circuit_breaker: count_window wants at least 20 calls of the 10 it holds, so it could "
            "never open");
  EXPECT_EQ(refusal_of([] { options().count_window(0, 0); }),
            "circuit_breaker: count_window: a window of 0 calls has no rates");
  EXPECT_EQ(
      refusal_of([] { options().time_window(9ns); }),
      "circuit_breaker: time_window: it is shorter than 10 ns, and cannot be divided into its "
      "ten parts");
  EXPECT_EQ(refusal_of([] { options().failure_rate(0); }),
            "circuit_breaker: failure_rate must be a share above 0 and at most 1, not 0.000000");
  EXPECT_NE(refusal_of([] { options().failure_rate(1.5); }), "");
  EXPECT_NE(refusal_of([] { options().failure_rate(std::nan("")); }), "");
  EXPECT_EQ(
      refusal_of([] { options().slow_calls(0s, 0.5); }),
      "circuit_breaker: slow_calls: the time is zero or negative, so every call would be slow");
  EXPECT_EQ(
      refusal_of([] { options().probe_lease(0s); }),
      "circuit_breaker: probe_lease: the time is zero or negative, so every caller could take "
      "a probe's place");
  EXPECT_EQ(refusal_of([] { options().probes(0); }),
            "circuit_breaker: probes(0): without a probe it would never close");
  EXPECT_EQ(refusal_of([] { options().consecutive_failures(0); }),
            "circuit_breaker: consecutive_failures(0): at least one failure must open it");
}

}  // namespace circuit_breaker_windows_test
