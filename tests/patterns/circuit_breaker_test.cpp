// The state machine, without a loop; circuit_breaker_calls_test.cpp has the rest.
#include <rondo/patterns/circuit_breaker.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using state = circuit_breaker::state;
using std::chrono::nanoseconds;

namespace {

constexpr circuit_breaker::time_point at(nanoseconds d) {
  return circuit_breaker::time_point(d + 1000h);
}

void call(circuit_breaker& b, verdict v, nanoseconds now) {
  auto p = b.admit(at(now));
  ASSERT_TRUE(p);
  p.settle(v, at(now));
}
void trip(circuit_breaker& b, nanoseconds now) {
  while (b.current() == state::closed) call(b, verdict::failure, now);
}

char letter(state s) { return "COHI"[static_cast<int>(s)]; }
auto write_to(std::string& trace) {
  return [&trace](const circuit_breaker::transition& t) {
    trace += letter(t.from);
    trace += letter(t.to);
    trace += ' ';
  };
}

}  // namespace

TEST(CircuitBreaker, OpensAfterSoManyFailuresInARow) {
  circuit_breaker b;
  for (int i = 0; i < 4; ++i) call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreaker, ASuccessBreaksTheRowAndANeutralEndDoesNot) {
  circuit_breaker b(circuit_breaker::options().consecutive_failures(3));
  call(b, verdict::failure, 0s);
  call(b, verdict::failure, 0s);
  call(b, verdict::success, 0s);
  call(b, verdict::failure, 0s);
  call(b, verdict::neutral, 0s);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreaker, WhenOpenRefusesAndSaysForHowLong) {
  circuit_breaker b(circuit_breaker::options().open_for(60s));
  trip(b, 10s);
  auto p = b.admit(at(30s));
  EXPECT_FALSE(p);
  EXPECT_EQ(p.refusal().reason, rejection_reason::circuit_open);
  EXPECT_EQ(p.refusal().retry_after, 40s);
  EXPECT_FALSE(b.admit(at(70s - 1ns)));
  EXPECT_TRUE(b.admit(at(70s)));
}

TEST(CircuitBreaker, HalfOpenAdmitsExactlyThePermittedProbes) {
  for (const std::uint32_t probes : {1U, 3U}) {
    circuit_breaker b(circuit_breaker::options().probes(probes));
    trip(b, 0s);
    std::vector<circuit_breaker::permit> permits;
    std::uint32_t admitted = 0;
    for (int caller = 0; caller < 100; ++caller) {
      permits.push_back(b.admit(at(60s)));
      if (permits.back()) {
        ++admitted;
      } else {
        EXPECT_EQ(permits.back().refusal().reason, rejection_reason::probe_busy);
        EXPECT_EQ(permits.back().refusal().retry_after, 30s);
      }
    }
    EXPECT_EQ(admitted, probes);
    EXPECT_EQ(b.current(), state::half_open);
  }
}

TEST(CircuitBreaker, ClosesWhenEveryPermittedProbeHasSucceeded) {
  circuit_breaker b(circuit_breaker::options().probes(2));
  trip(b, 0s);
  call(b, verdict::success, 60s);
  EXPECT_EQ(b.current(), state::half_open);
  auto second = b.admit(at(61s));
  EXPECT_FALSE(b.admit(at(61s)));  // a place whose probe succeeded is not given again
  second.settle(verdict::success, at(62s));
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreaker, OpensAgainWhenAProbeFails) {
  circuit_breaker b(circuit_breaker::options().probes(2));
  trip(b, 0s);
  auto first = b.admit(at(60s));
  auto second = b.admit(at(60s));
  first.settle(verdict::failure, at(70s));
  EXPECT_EQ(b.current(), state::open);
  EXPECT_EQ(b.admit(at(71s)).refusal().retry_after, 59s);
  second.settle(verdict::success, at(71s));
  EXPECT_EQ(b.current(), state::open);
  EXPECT_EQ(b.totals().stale, 1U);
}

TEST(CircuitBreaker, CountsFromZeroAfterClosing) {
  circuit_breaker b(circuit_breaker::options().consecutive_failures(2));
  trip(b, 0s);
  call(b, verdict::success, 60s);
  call(b, verdict::failure, 60s);
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreaker, ADroppedProbeFreesItsPlaceAndChangesNothing) {
  circuit_breaker b;
  trip(b, 0s);
  {
    auto p = b.admit(at(60s));
    EXPECT_TRUE(p);
    EXPECT_FALSE(b.admit(at(60s)));
  }
  EXPECT_EQ(b.current(), state::half_open);
  EXPECT_TRUE(b.admit(at(60s)));
}

TEST(CircuitBreaker, AMovedPermitIsStillOnePermit) {
  circuit_breaker b;
  {
    auto p = b.admit(at(0s));
    auto q = std::move(p);
    EXPECT_EQ(b.in_use(), 1U);
    q.settle(verdict::failure, at(0s));
    q.settle(verdict::failure, at(0s));
  }
  EXPECT_EQ(b.in_use(), 0U);
  EXPECT_EQ(b.totals().failures, 1U);
  EXPECT_EQ(b.totals().neutral, 0U);
}

TEST(CircuitBreaker, AHungProbeLosesItsPlaceWhenItsLeaseIsOver) {
  circuit_breaker b;
  trip(b, 0s);
  auto hung = b.admit(at(60s));
  EXPECT_EQ(b.admit(at(80s)).refusal().retry_after, 10s);
  EXPECT_FALSE(b.admit(at(90s - 1ns)));
  auto next = b.admit(at(90s));
  EXPECT_TRUE(next);
  EXPECT_FALSE(b.admit(at(90s)));
  hung.settle(verdict::failure, at(91s));
  EXPECT_EQ(b.current(), state::half_open);
  EXPECT_EQ(b.totals().stale, 1U);
  next.settle(verdict::success, at(92s));
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreaker, AHungProbeThatIsDroppedDoesNotFreeThePlaceOfItsSuccessor) {
  circuit_breaker b;
  trip(b, 0s);
  std::optional<circuit_breaker::permit> hung(b.admit(at(60s)));
  auto next = b.admit(at(90s));
  hung.reset();
  EXPECT_FALSE(b.admit(at(91s)));
}

TEST(CircuitBreaker, ASlowProbeThatNobodyReplacedCounts) {
  circuit_breaker b;
  trip(b, 0s);
  auto slow = b.admit(at(60s));
  slow.settle(verdict::success, at(600s));
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreaker, LateResultsOfAnEarlierStateAreStale) {
  circuit_breaker b(circuit_breaker::options().consecutive_failures(1));
  auto late_failure = b.admit(at(0s));
  auto late_success = b.admit(at(0s));
  auto later_failure = b.admit(at(0s));
  trip(b, 0s);
  late_success.settle(verdict::success, at(1s));
  EXPECT_EQ(b.current(), state::open);
  call(b, verdict::success, 60s);
  EXPECT_EQ(b.current(), state::closed);
  late_failure.settle(verdict::failure, at(61s));
  EXPECT_EQ(b.current(), state::closed);
  b.reset();
  later_failure.settle(verdict::failure, at(61s));
  EXPECT_EQ(b.current(), state::closed);
  EXPECT_EQ(b.totals().stale, 3U);
}

TEST(CircuitBreaker, ResetCloses) {
  circuit_breaker b;
  trip(b, 0s);
  b.reset();
  EXPECT_EQ(b.current(), state::closed);
  for (int i = 0; i < 4; ++i) call(b, verdict::failure, 1s);
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreaker, IsHeldOpenByHandWhileAHandleLives) {
  circuit_breaker b;
  auto running = b.admit(at(0s));
  {
    auto one = b.isolate();
    std::optional<circuit_breaker::isolation> two(b.isolate());
    EXPECT_EQ(b.current(), state::isolated);
    EXPECT_EQ(b.admit(at(0s)).refusal().reason, rejection_reason::isolated);
    two.reset();
    b.reset();
    EXPECT_FALSE(b.admit(at(1h)));
  }
  EXPECT_EQ(b.current(), state::closed);
  EXPECT_TRUE(b.admit(at(1h)));
}

TEST(CircuitBreaker, TellsOfItsChangesInOrder) {
  std::string trace;
  circuit_breaker b(circuit_breaker::options().on_transition(write_to(trace)));
  trip(b, 0s);
  call(b, verdict::failure, 60s);
  call(b, verdict::success, 120s);
  {
    auto held = b.isolate();
  }
  EXPECT_EQ(trace, "CO OH HO OH HC CI IC ");
}

TEST(CircuitBreaker, AListenerMayCallBackIn) {
  std::string trace;
  circuit_breaker* breaker = nullptr;
  auto note = write_to(trace);
  circuit_breaker b(
      circuit_breaker::options().on_transition([&](const circuit_breaker::transition& t) {
        note(t);
        if (t.to == state::open) breaker->reset();
        trace += '.';
      }));
  breaker = &b;
  for (int i = 0; i < 5; ++i) call(b, verdict::failure, 0s);
  EXPECT_EQ(trace, "CO .OC .");
  EXPECT_EQ(b.current(), state::closed);
}

TEST(CircuitBreaker, AListenerCannotTakeTheProbeOfTheCallerThatOpenedTheDoor) {
  circuit_breaker* breaker = nullptr;
  bool tried = false;
  circuit_breaker b(
      circuit_breaker::options().on_transition([&](const circuit_breaker::transition& t) {
        if (t.to == state::half_open) {
          tried = true;
          EXPECT_FALSE(breaker->admit(t.at));
        }
      }));
  breaker = &b;
  trip(b, 0s);
  EXPECT_TRUE(b.admit(at(60s)));
  EXPECT_TRUE(tried);
}

TEST(CircuitBreaker, AListenerThatThrowsDoesNoHarm) {
  circuit_breaker b(circuit_breaker::options().on_transition(
      [](const circuit_breaker::transition&) { throw std::runtime_error("a listener's own"); }));
  testing::internal::CaptureStderr();
  trip(b, 0s);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("a listener's own"), std::string::npos);
  EXPECT_EQ(b.current(), state::open);
}

TEST(CircuitBreaker, CountsWhatItDoes) {
  circuit_breaker b;
  call(b, verdict::success, 0s);
  call(b, verdict::neutral, 0s);
  trip(b, 0s);
  (void)b.admit(at(1s));
  EXPECT_EQ(b.totals().admitted, 7U);
  EXPECT_EQ(b.totals().refused, 1U);
  EXPECT_EQ(b.totals().successes, 1U);
  EXPECT_EQ(b.totals().neutral, 1U);
  EXPECT_EQ(b.totals().failures, 5U);
  EXPECT_EQ(b.totals().opened, 1U);
}

TEST(CircuitBreaker, RefusesOptionsThatMakeNoSense) {
  EXPECT_THROW(circuit_breaker::options().consecutive_failures(0), std::invalid_argument);
  EXPECT_THROW(circuit_breaker::options().probes(0), std::invalid_argument);
}

TEST(CircuitBreaker, StaysOpenForEverWhenTold) {
  circuit_breaker b(circuit_breaker::options().open_for(nanoseconds::max()));
  trip(b, 0s);
  EXPECT_FALSE(b.admit(at(100'000h)));
}
