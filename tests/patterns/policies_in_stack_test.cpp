// The policies that wait, limit and repeat, as layers of one stack.
#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace policies_in_stack_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

nanoseconds now() { return this_loop().now().time_since_epoch(); }

task<int> good() { co_return 1; }
task<int> slow() {
  co_await sleep_for(10ms);
  co_return 1;
}
task<int> bad() {
  throw std::runtime_error("bad");
  co_return 1;
}

}  // namespace

TEST(PoliciesInStack, ATurnOfTheRateThatComesAtTheDeadlineOrLaterIsRefusedAtOnce) {
  simulate([]() -> task<> {
    rate_limiter limit(rate_limiter::options(1, 10ms).queue(9));
    shared_rate_limiter shared(rate_limiter::options(1, 10ms).queue(9));
    const auto check = [](auto& l) -> task<> {
      (void)co_await l.run(good);
      const auto begun = now();
      const auto late = co_await compose(total_timeout(10ms), l).run(good);
      EXPECT_TRUE(late.code() == rejection_reason::rate_limited);
      EXPECT_EQ(now(), begun);
      EXPECT_TRUE((co_await compose(total_timeout(10ms + 1ns), l).run(good)).has_value());
      EXPECT_EQ(now() - begun, 10ms);
    };
    co_await check(limit);
    co_await check(shared);
  });
}

TEST(PoliciesInStack, AWaitForRoomEndsAtTheDeadlineAsATimeout) {
  simulate([]() -> task<> {
    bulkhead b(bulkhead::options(1).queue(9).queue_timeout(20ms));
    const auto held = b.try_acquire();
    const auto begun = now();
    const auto late = co_await compose(total_timeout(15ms), b).run(good);
    EXPECT_TRUE(late.code() == timeout_cause::total);
    EXPECT_EQ(now() - begun, 15ms);
    const auto both = co_await compose(total_timeout(20ms), b).run(good);
    EXPECT_TRUE(both.code() ==
                timeout_cause::total);  // of deadlines that come together the outermost
    const auto own = co_await compose(total_timeout(20ms + 1ns), b).run(good);
    EXPECT_TRUE(own.code() == rejection_reason::queue_timeout);
    EXPECT_EQ(b.waiting(), 0U);
  });
}

TEST(PoliciesInStack, ChaosEndsAtTheDeadline) {
  simulate([]() -> task<> {
    chaos c(chaos::options().enabled().latency(1, 1h));
    const auto begun = now();
    const auto o = co_await compose(attempt_timeout(15ms), c).run(good);
    EXPECT_TRUE(o.code() == timeout_cause::attempt);
    EXPECT_EQ(now() - begun, 15ms);
  });
}

TEST(PoliciesInStack, RetrySleepsNotPastTheTotalTimeout) {
  simulate([]() -> task<> {
    const auto again = retry().max_attempts(99).backoff(backoff::constant(10ms));
    int calls = 0;
    const auto begun = now();
    const auto o = co_await compose(total_timeout(30ms), again).run([&] {
      ++calls;
      return bad();
    });
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(now() - begun, 20ms);
    EXPECT_TRUE(o.has_error());
    EXPECT_EQ(o.code(), std::error_code());  // the last attempt's own exception
  });
}

TEST(PoliciesInStack, AHedgeInsideOfRetryMakesTwoCallsAnAttempt) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(1ms));
    circuit_breaker b(circuit_breaker::options().consecutive_failures(100));
    const auto stack = compose(total_timeout(1s), retry().backoff(backoff::constant(1ms)), h, b,
                               attempt_timeout(5ms));
    int calls = 0;
    const auto o = co_await stack.run([&]() -> task<int> {
      const int n = ++calls;
      if (n < 6) co_await sleep_for(1h);
      co_return n;
    });
    EXPECT_EQ(o.value(), 6);
    EXPECT_EQ(b.totals().failures, 4U);  // the attempts of two hedged calls; the fifth lost
    EXPECT_EQ(b.totals().neutral, 1U);
    EXPECT_EQ(b.in_use(), 0U);
  });
}

TEST(PoliciesInStack, EachAttemptTakesATokenAndARoomOfItsOwn) {
  simulate([]() -> task<> {
    rate_limiter limit(rate_limiter::options(1, 10ms).queue(1));
    bulkhead room(1);
    adaptive_limit adaptive(adaptive_limit::aimd());
    throttle t;
    for (int i = 0; i < 10; ++i) t.settle(verdict::success, this_loop().now());
    const auto stack = compose(retry().backoff(backoff()), t, limit, room, adaptive);
    std::vector<nanoseconds> starts;
    const auto begun = now();
    (void)co_await stack.run([&] {
      starts.push_back(now() - begun);
      return bad();
    });
    EXPECT_EQ(starts, (std::vector<nanoseconds>{0ms, 10ms, 20ms}));
    EXPECT_EQ(room.in_use(), 0U);
    EXPECT_EQ(adaptive.in_use(), 0U);
    EXPECT_EQ(adaptive.limit(), 14U);  // 20, 18, 16, 14
  });
}

TEST(PoliciesInStack, CancelledAtEveryWaitGiveEverythingBack) {
  std::unique_ptr<rate_limiter> limit;
  std::unique_ptr<bulkhead> room;
  std::unique_ptr<adaptive_limit> adaptive;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        limit = std::make_unique<rate_limiter>(rate_limiter::options(1, 3ms).queue(9));
        room = std::make_unique<bulkhead>(bulkhead::options(1).queue(9));
        adaptive = std::make_unique<adaptive_limit>(adaptive_limit::gradient2());
        chaos c(chaos::options().enabled().latency(0.5, 1ms).seed(1));
        hedge h(hedge::options().delay(5ms));
        const auto stack = compose(total_timeout(1s), retry().backoff(backoff::constant(1ms)), h,
                                   *limit, *room, *adaptive, attempt_timeout(30ms), c);
        (void)co_await gather(stack.run(slow), stack.run(bad), stack.run(slow));
      },
      [&] {
        EXPECT_EQ(limit->waiting(), 0U);
        EXPECT_EQ(room->in_use(), 0U);
        EXPECT_EQ(room->waiting(), 0U);
        EXPECT_EQ(adaptive->in_use(), 0U);
      });
  EXPECT_GT(n.at_rest, 20U);
}

TEST(PoliciesInStack, OneForEachKeyIsNotReplacedWhileWhatItKnowsMatters) {
  simulate([]() -> task<> {
    keyed<rate_limiter> limits(
        1, [](const std::string&) { return rate_limiter(rate_limiter::options(1, 10ms)); });
    EXPECT_TRUE((co_await limits.run("a", good)).has_value());
    EXPECT_TRUE((co_await limits.run("b", good)).code() == rejection_reason::limit_exceeded);
    co_await sleep_for(10ms);
    EXPECT_TRUE((co_await limits.run("b", good)).has_value());

    keyed<bulkhead> rooms(1, [](const std::string&) { return bulkhead(1); });
    const auto held = rooms.get("a")->try_acquire();
    EXPECT_TRUE((co_await rooms.run("b", good)).code() == rejection_reason::limit_exceeded);
  });
}

#ifndef RONDO_TEST_SANITIZED
TEST(PoliciesInStack, AllOfThemAllocateNothingWhileAllIsWell) {
  simulate([]() -> task<> {
    rate_limiter limit({1'000'000, 1s});
    shared_rate_limiter shared({1'000'000, 1s});
    bulkhead room(9);
    adaptive_limit adaptive(adaptive_limit::gradient2());
    throttle t;
    chaos c{chaos::options()};
    circuit_breaker b;
    const auto again = retry().budget(std::make_shared<retry_budget>());
    const auto stack = compose(total_timeout(1h), again, t, b, limit, shared, room, adaptive,
                               attempt_timeout(1min), c);
    (void)co_await stack.run(good);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await stack.run(good);
    EXPECT_EQ(allocations(), before);
  });
}
#endif

}  // namespace policies_in_stack_test
