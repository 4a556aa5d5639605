#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace circuit_breaker_calls_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using state = circuit_breaker::state;

namespace {

task<int> good() { co_return 1; }
task<int> bad() {
  throw std::runtime_error("bad");
  co_return 1;
}
task<int> slow() {
  co_await sleep_for(10ms);
  co_return 1;
}

task<> trip(circuit_breaker& b) {
  while (b.current() == state::closed) (void)co_await b.run(bad);
}

}  // namespace

TEST(CircuitBreakerCalls, GiveTheOutcomeOrARejectionAndThrowNeither) {
  simulate([]() -> task<> {
    circuit_breaker b;
    auto o = co_await b.run(good);
    EXPECT_EQ(o.value(), 1);
    co_await trip(b);
    auto refused = co_await b.run(good);
    EXPECT_TRUE(refused.code() == rejection_reason::circuit_open);
    EXPECT_EQ(rejection::of(refused)->retry_after, 60s);
    EXPECT_EQ(b.totals().failures, 5U);
  });
}

TEST(CircuitBreakerCalls, TheThrowingFormThrowsRejected) {
  simulate([]() -> task<> {
    circuit_breaker b;
    EXPECT_EQ(co_await b(good), 1);
    co_await trip(b);
    bool caught = false;
    try {
      co_await b(good);
    } catch (const rejected& r) {
      caught = r.reason() == rejection_reason::circuit_open && r.retry_after() == 60s;
    }
    EXPECT_TRUE(caught);
  });
}

TEST(CircuitBreakerCalls, ARefusedFunctionIsNotCalled) {
  simulate([]() -> task<> {
    circuit_breaker b;
    auto held = b.isolate();
    bool called = false;
    auto o = co_await b.run([&]() -> task<> {
      called = true;
      co_return;
    });
    EXPECT_FALSE(called);
    EXPECT_TRUE(o.code() == rejection_reason::isolated);
  });
}

TEST(CircuitBreakerCalls, OfAHundredCallersAtHalfOpenOneIsAdmitted) {
  simulate([]() -> task<> {
    circuit_breaker b;
    co_await trip(b);
    co_await sleep_for(60s);
    int called = 0;
    std::vector<task<outcome<int>>> callers;
    for (int i = 0; i < 100; ++i)
      callers.push_back(b.run([&]() -> task<int> {
        ++called;
        co_await sleep_for(5ms);
        co_return 1;
      }));
    int refused = 0;
    for (const auto& o : co_await gather(std::move(callers)))
      refused += o.code() == rejection_reason::probe_busy;
    EXPECT_EQ(called, 1);
    EXPECT_EQ(refused, 99);
    EXPECT_EQ(b.current(), state::closed);
  });
}

TEST(CircuitBreakerCalls, ACancelledProbeIsNeutralAndLetsTheNextOneTry) {
  simulate([]() -> task<> {
    circuit_breaker b;
    co_await trip(b);
    co_await sleep_for(60s);
    EXPECT_FALSE(co_await try_for(1ms, b.run(slow)));
    EXPECT_EQ(b.current(), state::half_open);
    EXPECT_EQ(b.in_use(), 0U);
    EXPECT_TRUE((co_await b.run(good)).has_value());
    EXPECT_EQ(b.current(), state::closed);
  });
}

TEST(CircuitBreakerCalls, AHungProbeGivesWayAndItsLateResultChangesNothing) {
  simulate([]() -> task<> {
    circuit_breaker b;
    co_await trip(b);
    co_await sleep_for(60s);
    auto hung = [&]() -> task<> {
      (void)co_await b.run([]() -> task<> {
        co_await sleep_for(100s);
        throw std::runtime_error("too late");
      });
    };
    auto next = [&]() -> task<> {
      co_await sleep_for(30s - 1ns);
      auto early = co_await b.run(good);
      EXPECT_TRUE(early.code() == rejection_reason::probe_busy);
      co_await sleep_for(1ns);
      EXPECT_TRUE((co_await b.run(good)).has_value());
      EXPECT_EQ(b.current(), state::closed);
    };
    co_await gather(hung(), next());
    EXPECT_EQ(b.current(), state::closed);
    EXPECT_EQ(b.totals().stale, 1U);
  });
}

TEST(CircuitBreakerCalls, ACancellationIsNeverAFailure) {
  simulate([]() -> task<> {
    circuit_breaker b(circuit_breaker::options().consecutive_failures(1).classify(
        [](const auto&) { return verdict::failure; }));
    (void)co_await b.run([]() -> task<> {
      throw cancelled_error();
      co_return;
    });
    EXPECT_FALSE(co_await try_for(1ms, b.run(slow)));
    EXPECT_EQ(b.current(), state::closed);
    EXPECT_EQ(b.totals().neutral, 2U);
  });
}

TEST(CircuitBreakerCalls, AnAttemptsOwnTimeoutIsAFailure) {
  simulate([]() -> task<> {
    circuit_breaker b(circuit_breaker::options().consecutive_failures(1));
    (void)co_await b.run([] { return timeout(1ms, slow()); });
    EXPECT_EQ(b.current(), state::open);
  });
}

TEST(CircuitBreakerCalls, AnInnerRejectionIsNeutral) {
  simulate([]() -> task<> {
    circuit_breaker outer(circuit_breaker::options().consecutive_failures(1));
    circuit_breaker inner;
    auto held = inner.isolate();
    auto o = co_await outer.run([&] { return inner.run(good); });
    EXPECT_TRUE(o.code() == rejection_reason::isolated);
    EXPECT_EQ(outer.current(), state::closed);
  });
}

TEST(CircuitBreakerCalls, OneClassifierServesBreakerAndRetry) {
  simulate([]() -> task<> {
    const auto judge = [](const outcome<int>& o) {
      return o.has_value() && o.value() == 503 ? verdict::failure : verdict::success;
    };
    circuit_breaker b(circuit_breaker::options().consecutive_failures(2).classify(judge));
    const auto again = retry().max_attempts(9).backoff(backoff::constant(1ms)).retry_if(judge);
    int calls = 0;
    auto o = co_await again.run([&] {
      return b.run([&]() -> task<int> {
        ++calls;
        co_return 503;
      });
    });
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(b.current(), state::open);
    EXPECT_TRUE(o.code() == rejection_reason::circuit_open);
  });
}

TEST(CircuitBreakerCalls, InsideRetryAnOpenBreakerEndsTheAttempts) {
  simulate([]() -> task<> {
    circuit_breaker b(circuit_breaker::options().consecutive_failures(2));
    const auto again = retry().max_attempts(9).backoff(backoff::constant(1ms));
    int calls = 0;
    const auto before = this_loop().now();
    auto o = co_await again.run([&] {
      return b.run([&]() -> task<int> {
        ++calls;
        return bad();
      });
    });
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(this_loop().now() - before, 2ms);
    EXPECT_EQ(rejection::of(o)->reason, rejection_reason::circuit_open);

    bool caught = false;
    try {
      co_await again([&] { return b(good); });
    } catch (const rejected&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
  });
}

TEST(CircuitBreakerCalls, AListenersExceptionGoesToOnUnhandled) {
  int unhandled = 0;
  run_as(
      run_options().reactor(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr&) {
        ++unhandled;
      }),
      []() -> task<> {
        circuit_breaker b(circuit_breaker::options().on_transition(
            [](const circuit_breaker::transition&) { throw std::logic_error("listener"); }));
        co_await trip(b);
      });
  EXPECT_EQ(unhandled, 1);
}

TEST(CircuitBreakerCalls, CancelledAtEveryWaitKeepTheirAccounts) {
  std::unique_ptr<circuit_breaker> b;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        b = std::make_unique<circuit_breaker>(
            circuit_breaker::options().consecutive_failures(2).open_for(20ms).probes(2));
        co_await trip(*b);
        co_await sleep_for(20ms);
        co_await gather(b->run(slow), b->run(slow), b->run(slow));
        (void)co_await b->run(slow);
      },
      [&] {
        const auto& c = b->totals();
        EXPECT_EQ(b->in_use(), 0U);
        EXPECT_EQ(c.admitted, c.successes + c.failures + c.neutral + c.stale);
        EXPECT_NE(b->current(), state::isolated);
      });
  EXPECT_EQ(n.at_rest, 5U);
}

TEST(CircuitBreakerCalls, EndTheProgramWhenTheBreakerGoesFirst) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto b = std::make_unique<circuit_breaker>();
        auto p = b->admit(circuit_breaker::time_point());
        b.reset();
      },
      "circuit_breaker was destroyed");
}

}  // namespace circuit_breaker_calls_test
