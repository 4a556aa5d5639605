// What ends the attempts of retry before there is a success: the callee's wish, hooks, budgets,
// deadlines.
#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace retry_limits_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

struct reply {
  int status = 200;
  std::string retry_after;
};

const auto header = [](const outcome<reply>& o) -> std::optional<nanoseconds> {
  return o.has_value() ? parse_retry_after(o.value().retry_after) : std::nullopt;
};
const auto is_503 = [](const outcome<reply>& o) {
  return o.has_value() && o.value().status == 503;
};
const retry plain = retry().backoff(backoff::constant(10ms));
const retry polite = retry(plain).retry_if(is_503).retry_after(header);

// Gives 503 with this header once, then 200; returns when the calls were made.
task<std::vector<nanoseconds>> starts_with(retry r, std::string value) {
  std::vector<nanoseconds> starts;
  const auto before = this_loop().now();
  (void)co_await r.run([&]() -> task<reply> {
    starts.push_back(this_loop().now() - before);
    if (starts.size() == 1) co_return reply{503, value};
    co_return reply{};
  });
  co_return starts;
}

task<int> fails() {
  throw std::runtime_error("bad");
  co_return 1;
}

nanoseconds now() { return this_loop().now().time_since_epoch(); }

template <class F>
std::string sentence(F fn) {
  try {
    fn();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST(RetryLimits, RetryAfterInSecondsIsWaitedExactly) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await starts_with(polite, "7"), (std::vector<nanoseconds>{0s, 7s}));
    EXPECT_EQ(co_await starts_with(polite, "0"), (std::vector<nanoseconds>{0s, 10ms}));
    EXPECT_EQ(co_await starts_with(polite, "nonsense"), (std::vector<nanoseconds>{0s, 10ms}));
  });
}

TEST(RetryLimits, RetryAfterAsADateIsWaitedExactly) {
  simulate([]() -> task<> {
    // The virtual time of day begins an hour after 2026 does. From here on it is at some nanosecond
    // of a second.
    const wall_time new_year = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
    co_await sleep_for(123'456'789ns);
    const nanoseconds until = new_year + 1h + 120s - wall_now();
    EXPECT_TRUE(until > 119s && until < 120s);
    const auto starts =
        co_await starts_with(retry(polite).max_retry_after(120s), "Thu, 01 Jan 2026 01:02:00 GMT");
    EXPECT_EQ(starts, (std::vector<nanoseconds>{0s, until}));
    EXPECT_EQ(wall_now(), new_year + 1h + 120s);
    EXPECT_EQ(co_await starts_with(polite, "Thu, 01 Jan 1970 00:00:00 GMT"),
              (std::vector<nanoseconds>{0s, 10ms}));
  });
}

TEST(RetryLimits, ACalleeThatAsksForMoreThanTheCapIsNotWaitedFor) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await starts_with(polite, "60"), (std::vector<nanoseconds>{0s, 60s}));
    EXPECT_EQ(co_await starts_with(polite, "61"), (std::vector<nanoseconds>{0s}));
    const auto before = now();
    EXPECT_EQ(co_await starts_with(retry(polite).max_retry_after(5s), "6"),
              (std::vector<nanoseconds>{0s}));
    EXPECT_EQ(now(), before);
  });
}

TEST(RetryLimits, ARejectionThatAsksForMoreThanTheCapIsNotWaitedFor) {
  simulate([]() -> task<> {
    int calls = 0;
    (void)co_await plain.run([&]() -> task<outcome<int>> {
      ++calls;
      co_return outcome<int>(detail::small_error_of({rejection_reason::rate_limited, 61s}));
    });
    EXPECT_EQ(calls, 1);
  });
}

TEST(RetryLimits, ACalleeThatAsksForMoreThanTheTimeLeftIsNotWaitedFor) {
  simulate([]() -> task<> {
    const auto before = now();
    EXPECT_EQ((co_await starts_with(retry(polite).total_deadline(7s), "7")).size(), 1U);
    EXPECT_EQ((co_await starts_with(retry(polite).total_deadline(7s + 1ns), "7")).size(), 2U);
    EXPECT_EQ(now() - before, 7s);
    EXPECT_EQ((co_await timeout(7s, starts_with(polite, "7"))).size(), 1U);
    EXPECT_EQ(now() - before, 7s);
    EXPECT_EQ((co_await timeout(7s + 1ns, starts_with(polite, "7"))).size(), 2U);
    EXPECT_EQ(now() - before, 14s);
  });
}

TEST(RetryLimits, NothingIsSleptPastADeadlineAroundTheCaller) {
  simulate([]() -> task<> {
    int calls = 0;
    const auto before = now();
    // The deadline is not the retry's own, nor the nearest scope's.
    const auto o = co_await timeout(25ms, [&] {
      return timeout(1h, [&] {
        return retry(plain).max_attempts(100).run([&] {
          ++calls;
          return fails();
        });
      });
    });
    EXPECT_TRUE(o.has_error());
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(now() - before, 20ms);
  });
}

TEST(RetryLimits, TheDecideHookHasTheLastWord) {
  simulate([]() -> task<> {
    std::string trace;
    const auto again = retry(plain).max_attempts(9).decide(
        [&](const retry_step& s, const std::exception_ptr&) -> std::optional<nanoseconds> {
          trace += std::to_string(s.attempt) + ":" + std::to_string(s.delay / 1ms) + ":" +
                   std::to_string(s.elapsed / 1ms) + " ";
          if (s.attempt == 3) return std::nullopt;
          return s.attempt * 100ms;
        });
    const auto before = now();
    EXPECT_TRUE((co_await again.run(fails)).has_error());
    EXPECT_EQ(trace, "1:10:0 2:10:100 3:10:300 ");
    EXPECT_EQ(now() - before, 300ms);
  });
}

TEST(RetryLimits, TheDecideHookSeesTheEndAsItsParameterWants) {
  simulate([]() -> task<> {
    int calls = 0;
    const auto on_value = retry(plain).max_attempts(9).retry_if(is_503).decide(
        [](const retry_step& s, const outcome<reply>& o) {
          return o.value().retry_after == "x" ? std::optional<nanoseconds>(s.delay) : std::nullopt;
        });
    (void)co_await on_value.run(
        [&]() -> task<reply> { co_return reply{503, ++calls < 4 ? "x" : ""}; });
    EXPECT_EQ(calls, 4);

    const auto on_code = retry(plain).max_attempts(9).decide(
        [](const retry_step&, const std::error_code& e) -> std::optional<nanoseconds> {
          if (e == std::errc::connection_refused) return -1s;
          return std::nullopt;
        });
    calls = 0;
    const auto before = now();
    (void)co_await on_code.run([&]() -> task<> {
      throw std::system_error(std::make_error_code(++calls < 3 ? std::errc::connection_refused
                                                               : std::errc::permission_denied));
      co_return;
    });
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(now(), before);  // a negative delay is none
    // It has no say in ends of another type.
    calls = 0;
    (void)co_await retry(on_value)
        .retry_if([](const auto&) { return true; })
        .run([&]() -> task<int> { co_return ++calls; });
    EXPECT_EQ(calls, 9);
  });
}

TEST(RetryLimits, TheDecideHookCannotPassTheOtherLimits) {
  simulate([]() -> task<> {
    const auto always = [](const retry_step&, const auto&) { return 10ms; };
    int calls = 0;
    const auto count = [&] {
      ++calls;
      return fails();
    };
    (void)co_await retry(plain).decide(always).run(count);
    EXPECT_EQ(calls, 3);
    calls = 0;
    (void)co_await retry(plain).decide(always).total_deadline(10ms).run(count);
    EXPECT_EQ(calls, 1);
    calls = 0;
    (void)co_await retry(plain).decide(always).run([&]() -> task<> {
      ++calls;
      throw cancelled_error();
      co_return;
    });
    EXPECT_EQ(calls, 1);
  });
}

TEST(RetryLimits, ABudgetIsSharedAmongCallers) {
  simulate([]() -> task<> {
    const auto budget = std::make_shared<retry_budget>();
    const auto again = retry(plain).max_attempts(3).budget(budget);
    int calls = 0;
    const auto count = [&] {
      ++calls;
      return fails();
    };
    std::vector<task<outcome<int>>> all;
    for (int i = 0; i < 100; ++i) all.push_back(again.run(count));
    const auto ends = co_await gather(std::move(all));
    EXPECT_EQ(calls, 100 + 4);  // ten tokens, of which five may be spent, the last without a retry
    for (const auto& o : ends) {
      EXPECT_FALSE(rejection::of(o).has_value());  // the call's own error
      EXPECT_TRUE(o.has_error());
    }
    const auto good = []() -> task<int> { co_return 1; };
    calls = 0;
    for (int i = 0; i < 60; ++i) (void)co_await again.run(good);
    EXPECT_NEAR(budget->tokens(), 6, 1e-9);
    (void)co_await again.run(count);  // 5 tokens then: no retry
    EXPECT_EQ(calls, 1);
  });
}

TEST(RetryLimits, ABudgetMayBeAShareOfTheTraffic) {
  simulate([]() -> task<> {
    const auto budget =
        std::make_shared<shared_retry_budget>(retry_budget_options::share(0.2, 1h, 0));
    const auto again = retry(plain).budget(budget);
    int calls = 0;
    for (int i = 0; i < 100; ++i)
      (void)co_await again.run([&] {
        ++calls;
        return fails();
      });
    EXPECT_EQ(calls, 120);
  });
}

TEST(RetryLimits, RejectionsAndCancellationsSpendNoBudget) {
  simulate([]() -> task<> {
    const auto budget = std::make_shared<retry_budget>();
    const auto again = retry(plain).budget(budget);
    (void)co_await again.run([]() -> task<outcome<int>> {
      co_return outcome<int>(detail::small_error_of({rejection_reason::bulkhead_full}));
    });
    (void)co_await again.run([]() -> task<> {
      throw interrupted();
      co_return;
    });
    EXPECT_EQ(budget->tokens(), 10);
  });
}

// A retry that is cancelled before it is made has cost the callee nothing.
TEST(RetryLimits, ARetryThatIsCancelledBeforeItBeginsSpendsNoBudget) {
  simulate([]() -> task<> {
    const auto budget = std::make_shared<retry_budget>(retry_budget_options::share(0, 1h, 1));
    const auto again = retry(plain).backoff(backoff::constant(10s)).budget(budget);
    for (int i = 0; i < 5; ++i)
      co_await with_task_group([&](task_group& g) -> task<> {
        auto call = g.spawn([&]() -> task<> { (void)co_await again.run(fails); });
        co_await sleep_for(1s);  // it waits for its retry
        call.cancel();
        EXPECT_TRUE((co_await call.join()).is_cancelled());
      });
    int calls = 0;
    const auto end = co_await again.run([&]() -> task<int> {
      ++calls;
      return fails();
    });
    EXPECT_TRUE(end.has_error());
    EXPECT_EQ(calls, 2);  // the one retry was there
    calls = 0;
    (void)co_await again.run([&]() -> task<int> {
      ++calls;
      return fails();
    });
    EXPECT_EQ(calls, 1);  // and is spent
  });
}

TEST(RetryLimits, ARetryThatIsCancelledWhileItRunsIsSpent) {
  simulate([]() -> task<> {
    const auto budget = std::make_shared<retry_budget>(retry_budget_options::share(0, 1h, 1));
    const auto again = retry(plain).backoff(backoff::constant(1ms)).budget(budget);
    int calls = 0;
    EXPECT_FALSE(co_await try_for(1s, [&]() -> task<> {
      (void)co_await again.run([&]() -> task<int> {
        if (++calls == 2) co_await sleep_for(1h);
        co_return co_await fails();
      });
    }));
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(budget->allows_another(this_loop().now()));
  });
}

TEST(RetryLimits, WhatAHookThrowsIsThrown) {
  simulate([]() -> task<> {
    const auto again = retry(plain).decide([](const retry_step&, const auto&) -> nanoseconds {
      throw std::logic_error("a hook's own");
    });
    bool caught = false;
    try {
      (void)co_await again.run(fails);
    } catch (const std::logic_error&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
  });
}

TEST(RetryLimits, AtAttemptFiveThousandTheDelayIsStillTheCap) {
  simulate([]() -> task<> {
    std::uint64_t attempts = 0;
    nanoseconds longest{}, least = 1h;
    const auto again = retry()
                           .max_attempts(5'001)
                           .backoff(backoff::exponential(1ms, 10).cap(1s))
                           .on_retry([&](std::uint64_t n, nanoseconds d, const auto&) {
                             attempts = n;
                             longest = std::max(longest, d);
                             least = std::min(least, d);
                           });
    (void)co_await again.run(fails);
    EXPECT_EQ(attempts, 5'000U);
    EXPECT_EQ(longest, 1s);
    EXPECT_EQ(least, 1ms);
  });
}

// --- against a model -----------------------------------------------------------------------------

namespace {

enum class kind { value, bad_value, error, passing_rejection, lasting_rejection, cancelled };
struct scripted_end {
  kind what;
  nanoseconds retry_after;
};

}  // namespace

// Calls whose attempts end as a list says, under limits drawn at random: how many are made, when,
// and how it ends, worked out by hand beside it.
TEST(RetryLimits, FollowsTheModelInAHundredThousandHistories) {
  simulate([]() -> task<> {
    const auto error = std::make_exception_ptr(std::runtime_error("bad"));
    for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
      detail::random_source random(seed);
      std::vector<scripted_end> script;
      for (int i = 0; i < 6; ++i) {
        const auto drawn = random.between(0, 9);
        script.push_back({drawn < 2   ? kind::value
                          : drawn < 4 ? kind::bad_value
                          : drawn < 6 ? kind::error
                          : drawn < 8 ? kind::passing_rejection
                          : drawn < 9 ? kind::lasting_rejection
                                      : kind::cancelled,
                          nanoseconds(random.between(0, 6))});
      }
      const auto attempts = static_cast<std::uint64_t>(random.between(1, 6));
      const nanoseconds delay(random.between(0, 3)), cap(random.between(0, 8)),
          total(random.between(1, 20)), around(random.between(1, 20));
      const std::int64_t tokens = random.between(1, 6);

      const auto budget = std::make_shared<retry_budget>(
          retry_budget_options::tokens(static_cast<double>(tokens), 1));
      const auto again =
          retry()
              .max_attempts(attempts)
              .backoff(backoff::linear(delay))
              .max_retry_after(cap)
              .total_deadline(total)
              .budget(budget)
              .retry_if([](const outcome<int>& o) {
                if (o.has_value()) return o.value() < 0 ? verdict::failure : verdict::success;
                return o.code() == rejection_reason::circuit_open ||
                               o.code() == rejection_reason::rate_limited
                           ? (o.code() == rejection_reason::circuit_open ? verdict::neutral
                                                                         : verdict::failure)
                           : verdict::failure;
              });
      std::size_t made = 0;
      const auto before = now();
      const auto o = co_await timeout(around, again.run([&]() -> task<outcome<int>> {
        const scripted_end e = script[made++];
        switch (e.what) {
          case kind::value: co_return outcome<int>(std::in_place, 1);
          case kind::bad_value: co_return outcome<int>(std::in_place, -1);
          case kind::error: co_return outcome<int>(error);
          case kind::passing_rejection:
            co_return outcome<int>(
                detail::small_error_of({rejection_reason::rate_limited, e.retry_after}));
          case kind::lasting_rejection:
            co_return outcome<int>(
                detail::small_error_of({rejection_reason::circuit_open, e.retry_after}));
          case kind::cancelled: break;
        }
        co_return outcome<int>();
      }));

      std::size_t expected = 0;
      nanoseconds time{};
      double left = static_cast<double>(tokens);
      while (true) {
        const scripted_end e = script[expected++];
        if (e.what == kind::value) left = std::min(left + 1, static_cast<double>(tokens));
        if (e.what == kind::bad_value || e.what == kind::error) left = std::max(left - 1, 0.0);
        if (e.what == kind::value || e.what == kind::lasting_rejection || e.what == kind::cancelled)
          break;
        if (expected == attempts) break;
        const nanoseconds asked = e.what == kind::passing_rejection ? e.retry_after : 0ns;
        if (asked > cap) break;
        const nanoseconds d = std::max(delay * static_cast<std::int64_t>(expected), asked);
        if (time + d >= std::min(total, around)) break;
        if (left <= static_cast<double>(tokens) / 2) break;
        time += d;
      }
      EXPECT_EQ(made, expected) << "seed " << seed;
      EXPECT_EQ(now() - before, time) << "seed " << seed;
      EXPECT_NEAR(budget->tokens(), left, 1e-9) << "seed " << seed;
      EXPECT_EQ(o.is_cancelled(), script[expected - 1].what == kind::cancelled) << "seed " << seed;
      if (testing::Test::HasFailure()) co_return;
    }
  });
}

TEST(RetryLimits, WrongOptionsAreRefusedWithASentence) {
  EXPECT_EQ(sentence([] { retry().max_attempts(0); }), "retry: at least one attempt");
  EXPECT_EQ(sentence([] { retry().budget(std::shared_ptr<retry_budget>()); }),
            "retry: the budget must be there");
}

#ifndef RONDO_TEST_SANITIZED
TEST(RetryLimits, ACallThatSucceedsAllocatesNothing) {
  simulate([]() -> task<> {
    const auto again = retry()
                           .budget(std::make_shared<retry_budget>())
                           .retry_after([](const auto&) { return 1s; })
                           .on_retry([](auto, auto, const auto&) {});
    const auto call = []() -> task<int> { co_return 1; };
    (void)co_await again.run(call);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await again.run(call);
    EXPECT_EQ(allocations(), before);
  });
}
#endif

}  // namespace retry_limits_test
