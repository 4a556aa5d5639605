#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

struct boom : std::runtime_error {
  explicit boom(int n) : std::runtime_error("boom"), number(n) {}
  int number;
};

// Fails `failures` times, then gives the number of calls.
struct flaky {
  int failures;
  int calls = 0;
  task<int> operator()() {
    const int n = ++calls;
    if (n <= failures) throw boom(n);
    co_return n;
  }
};

auto calling(flaky& f) {
  return [&f] { return f(); };
}

const retry plain = retry().backoff(backoff::constant(10ms));

}  // namespace

TEST(Retry, CallsOnceWhenAllIsWell) {
  simulate([]() -> task<> {
    flaky f{0};
    const auto before = this_loop().now();
    EXPECT_EQ(co_await plain(calling(f)), 1);
    EXPECT_EQ(this_loop().now(), before);
  });
}

TEST(Retry, TriesAgainUntilItSucceeds) {
  simulate([]() -> task<> {
    flaky f{2};
    EXPECT_EQ(co_await plain(calling(f)), 3);
  });
}

TEST(Retry, MaxAttemptsCountsAllCalls) {
  simulate([]() -> task<> {
    for (const int n : {1, 2, 3, 7}) {
      flaky f{1000};
      const auto again = retry(plain).max_attempts(static_cast<std::uint64_t>(n));
      EXPECT_TRUE((co_await again.run(calling(f))).has_error());
      EXPECT_EQ(f.calls, n);
    }
    flaky f{1000};
    (void)co_await plain.run(calling(f));
    EXPECT_EQ(f.calls, 3);
  });
  EXPECT_THROW(retry().max_attempts(0), std::invalid_argument);
}

TEST(Retry, RethrowsTheLastExceptionItself) {
  simulate([]() -> task<> {
    flaky f{1000};
    int number = 0;
    try {
      co_await plain(calling(f));
    } catch (const boom& b) {
      number = b.number;
    }
    EXPECT_EQ(number, 3);

    const auto error = std::make_exception_ptr(boom(9));
    auto o = co_await plain.run([&]() -> task<> {
      std::rethrow_exception(error);
      co_return;
    });
    EXPECT_EQ(o.error(), error);
  });
}

TEST(Retry, WaitsExactlyTheDelaysAndNotAfterTheLastAttempt) {
  simulate([]() -> task<> {
    std::vector<nanoseconds> starts;
    const auto before = this_loop().now();
    const auto again = retry().max_attempts(4).backoff(backoff::exponential(100ms));
    (void)co_await again.run([&]() -> task<> {
      starts.push_back(this_loop().now() - before);
      throw boom(1);
      co_return;
    });
    EXPECT_EQ(starts, (std::vector<nanoseconds>{0ms, 100ms, 300ms, 700ms}));
    EXPECT_EQ(this_loop().now() - before, 700ms);
  });
}

TEST(Retry, TellsTheHookTheAttemptTheDelayAndTheError) {
  simulate([]() -> task<> {
    std::string trace;
    flaky f{2};
    const auto again =
        retry(plain).on_retry([&](std::uint64_t n, nanoseconds d, const std::exception_ptr& e) {
          try {
            std::rethrow_exception(e);
          } catch (const boom& b) {
            trace += std::to_string(n) + ":" + std::to_string(d / 1ms) + ":" +
                     std::to_string(b.number) + " ";
          }
        });
    (void)co_await again(calling(f));
    EXPECT_EQ(trace, "1:10:1 2:10:2 ");
  });
}

TEST(Retry, AHookThatThrowsDoesNoHarm) {
  int unhandled = 0;
  run_as(
      run_options().reactor(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr&) {
        ++unhandled;
      }),
      []() -> task<> {
        flaky f{2};
        const auto again =
            retry(plain).on_retry([](auto, auto, const auto&) { throw std::logic_error("hook"); });
        EXPECT_EQ(co_await again(calling(f)), 3);
      });
  EXPECT_EQ(unhandled, 2);
}

TEST(Retry, GoesNotPastTheTotalDeadlineAndReturnsTheLastErrorAtOnce) {
  simulate([]() -> task<> {
    flaky f{1000};
    const auto before = this_loop().now();
    const auto again =
        retry().max_attempts(100).backoff(backoff::constant(10ms)).total_deadline(35ms);
    const auto o = co_await again.run(calling(f));
    EXPECT_EQ(f.calls, 4);
    EXPECT_EQ(this_loop().now() - before, 30ms);
    EXPECT_TRUE(o.has_error());

    flaky at_the_deadline{1000};
    (void)co_await retry(again).total_deadline(30ms).run(calling(at_the_deadline));
    EXPECT_EQ(at_the_deadline.calls, 3);
  });
}

TEST(Retry, CountsTheTimeOfTheAttempts) {
  simulate([]() -> task<> {
    int calls = 0;
    const auto again = retry().max_attempts(9).backoff(backoff::constant(1ms)).total_deadline(20ms);
    (void)co_await again.run([&]() -> task<> {
      ++calls;
      co_await sleep_for(12ms);
      throw boom(1);
    });
    EXPECT_EQ(calls, 2);
  });
}

TEST(Retry, DoesNotTryACancellationAgain) {
  simulate([]() -> task<> {
    int calls = 0;
    const auto always = retry(plain).retry_if([](const auto&) { return true; });
    for (const bool interrupt : {false, true}) {
      calls = 0;
      const auto o = co_await always.run([&]() -> task<> {
        ++calls;
        if (interrupt) throw interrupted();
        throw cancelled_error();
        co_return;
      });
      EXPECT_TRUE(o.has_error());
      EXPECT_EQ(calls, 1);
    }
    calls = 0;
    const auto o = co_await always.run([&]() -> task<outcome<int>> {
      ++calls;
      co_return outcome<int>();
    });
    EXPECT_TRUE(o.is_cancelled());
    EXPECT_EQ(calls, 1);
  });
}

TEST(Retry, TriesAnAttemptsOwnTimeoutAgain) {
  simulate([]() -> task<> {
    int calls = 0;
    const int n = co_await plain([&] {
      return timeout(
          1ms,
          [](int k) -> task<int> {
            if (k < 3) co_await sleep_for(1h);
            co_return k;
          },
          ++calls);
    });
    EXPECT_EQ(n, 3);
  });
}

TEST(Retry, APredicateDecidesWhatIsTriedAgain) {
  simulate([]() -> task<> {
    const auto only_two = retry(plain).max_attempts(9).retry_if([](const std::exception_ptr& e) {
      try {
        std::rethrow_exception(e);
      } catch (const boom& b) {
        return b.number < 2 ? verdict::failure : verdict::neutral;
      }
    });
    flaky f{1000};
    (void)co_await only_two.run(calling(f));
    EXPECT_EQ(f.calls, 2);
  });
}

TEST(Retry, AValueCanBeAFailure) {
  simulate([]() -> task<> {
    int n = 0;
    bool error_seen = true;
    const auto until_three =
        retry(plain)
            .max_attempts(9)
            .retry_if([](const outcome<int>& o) { return o.has_value() && o.value() < 3; })
            .on_retry([&](auto, auto, const std::exception_ptr& e) { error_seen = e != nullptr; });
    EXPECT_EQ(co_await until_three([&]() -> task<int> { co_return ++n; }), 3);
    EXPECT_FALSE(error_seen);
    n = -100;
    EXPECT_EQ(co_await until_three([&]() -> task<int> { co_return ++n; }), -91);
  });
}

TEST(Retry, AFunctionThatThrowsBeforeThereIsATaskHasFailed) {
  simulate([]() -> task<> {
    int calls = 0;
    flaky fine{0};
    auto o = co_await plain.run([&]() -> task<int> {
      if (++calls < 3) throw boom(calls);
      return fine();
    });
    EXPECT_EQ(calls, 3);
    (void)o;
  });
}

TEST(Retry, KeepsTheFunctionAndItsArguments) {
  simulate([]() -> task<> {
    auto make = [] {
      return retry().backoff(backoff::constant(1ms))(
          [p = std::make_unique<int>(0)](const std::string& s,
                                         std::unique_ptr<int>& q) -> task<std::string> {
            co_await sleep_for(1ms);
            if (++*p < 3) throw boom(1);
            co_return s + std::to_string(*p) + std::to_string(*q);
          },
          std::string("x"), std::make_unique<int>(7));
    };
    EXPECT_EQ(co_await make(), "x37");
  });
}

TEST(Retry, CircuitOpenIsNotTriedAgain) {
  simulate([]() -> task<> {
    for (const auto reason : {rejection_reason::circuit_open, rejection_reason::isolated,
                              rejection_reason::probe_busy, rejection_reason::budget_exhausted}) {
      int calls = 0;
      auto o = co_await plain.run([&]() -> task<outcome<int>> {
        ++calls;
        co_return outcome<int>(detail::small_error_of({reason, 1ms}));
      });
      EXPECT_TRUE(o.code() == reason);
      auto thrown = co_await plain.run([&]() -> task<int> {
        ++calls;
        throw rejected({reason, 1ms});
        co_return 1;
      });
      EXPECT_TRUE(thrown.has_error());
      EXPECT_EQ(calls, 2);
    }
  });
}

TEST(Retry, ARejectionThatPassesIsTriedAgainWhenItSaysSo) {
  simulate([]() -> task<> {
    std::vector<nanoseconds> starts;
    const auto before = this_loop().now();
    auto o = co_await plain.run([&]() -> task<outcome<int>> {
      starts.push_back(this_loop().now() - before);
      if (starts.size() < 3)
        co_return outcome<int>(
            detail::small_error_of({rejection_reason::rate_limited,
                                    starts.size() == 1 ? nanoseconds(50ms) : nanoseconds(1ms)}));
      co_return outcome<int>(std::in_place, 1);
    });
    EXPECT_TRUE(o.has_value());
    EXPECT_EQ(starts, (std::vector<nanoseconds>{0ms, 50ms, 60ms}));
  });
}

TEST(Retry, CallersOfOnePolicyDoNotAgreeOnTheirDelays) {
  simulate([]() -> task<> {
    std::vector<nanoseconds> delays;
    const auto again =
        retry()
            .max_attempts(2)
            .backoff(backoff::constant(1s).full_jitter().seed(5))
            .on_retry([&](auto, nanoseconds d, const auto&) { delays.push_back(d); });
    std::vector<task<outcome<int>>> calls;
    std::vector<flaky> functions(20, flaky{1000});
    for (flaky& f : functions) calls.push_back(again.run(calling(f)));
    (void)co_await gather(std::move(calls));
    std::sort(delays.begin(), delays.end());
    EXPECT_EQ(delays.size(), 20U);
    EXPECT_EQ(std::unique(delays.begin(), delays.end()), delays.end());
  });
}

TEST(Retry, TheSameSeedGivesTheSameRun) {
  auto duration_of = [](std::uint64_t seed) {
    return simulate([seed]() -> task<std::int64_t> {
      const auto before = this_loop().now();
      flaky f{1000};
      (void)co_await retry()
          .max_attempts(6)
          .backoff(backoff::exponential(1s).full_jitter().seed(seed))
          .run(calling(f));
      co_return (this_loop().now() - before).count();
    });
  };
  EXPECT_EQ(duration_of(1), duration_of(1));
  EXPECT_NE(duration_of(1), duration_of(2));
}

// A value may hold what the next attempt needs: a connection, a permit.
TEST(Retry, TheEndOfAFailedAttemptIsGoneBeforeTheDelay) {
  simulate([]() -> task<> {
    struct held {
      int attempt;
      std::unique_ptr<event, void (*)(event*)> connection;
    };
    event given_back;
    const auto give_back = [](event* e) { e->set(); };
    int attempts = 0;
    const auto call = [&]() -> task<held> {
      EXPECT_EQ(given_back.is_set(), attempts > 0);
      given_back.clear();
      co_return held{++attempts, {&given_back, give_back}};
    };
    circuit_breaker breaker;
    hedge twice(hedge::options().delay(1h));
    const auto again = retry(plain).retry_if(
        [](const outcome<held>& o) { return o.has_value() && o.value().attempt % 3 != 0; });
    const auto check = [&](const auto& stack) -> task<> {
      attempts = 0;
      const auto start = this_loop().now();
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          co_await given_back.wait();
          EXPECT_EQ(attempts, 1);
          EXPECT_EQ(this_loop().now(), start);
        });
        const held last = co_await stack(call);
        EXPECT_EQ(last.attempt, 3);
        EXPECT_FALSE(given_back.is_set());
      });
      given_back.clear();
    };
    co_await check(again);
    co_await check(compose(again, breaker));
    co_await check(compose(again, breaker, twice));
  });
}

TEST(Retry, CancelledAtEveryWaitLeavesNothing) {
  int running = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        return plain([&running, calls = 0]() mutable -> task<int> {
          struct guard {
            explicit guard(int& k) : count(&k) { ++*count; }
            guard(const guard&) = delete;
            guard& operator=(const guard&) = delete;
            ~guard() { --*count; }
            int* count;
          } here(running);
          ++calls;
          co_await sleep_for(5ms);
          if (calls < 3) throw boom(calls);
          co_return calls;
        });
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) {
          EXPECT_EQ(o.value(), 3);
        }
        EXPECT_EQ(running, 0);
      });
  EXPECT_EQ(n.at_rest, 5U);
}
