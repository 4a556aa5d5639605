#include "support/allocations.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace retry_budget_test {

namespace {

detail::time_point at(nanoseconds d) { return detail::time_point(1000h + d); }

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

TEST(RetryBudget, StopsWhenHalfOfTheTokensAreSpent) {
  retry_budget b;
  for (int i = 0; i < 4; ++i) {
    b.failed();
    EXPECT_TRUE(b.allows_another(at(0s)));
  }
  b.failed();  // 5 of 10 are left
  EXPECT_FALSE(b.allows_another(at(0s)));
  EXPECT_EQ(b.tokens(), 5);
}

TEST(RetryBudget, ASuccessGivesATenthBack) {
  retry_budget b;
  for (int i = 0; i < 5; ++i) b.failed();
  b.succeeded();
  EXPECT_EQ(b.tokens(), 5.1);
  EXPECT_TRUE(b.allows_another(at(0s)));
  for (int i = 0; i < 1000; ++i) b.succeeded();
  EXPECT_EQ(b.tokens(), 10);
  for (int i = 0; i < 1000; ++i) b.failed();
  EXPECT_EQ(b.tokens(), 0);
}

TEST(RetryBudget, AllowsAShareOfTheCallsWithinAWindow) {
  retry_budget b(retry_budget_options::share(0.2, 10s, 1));
  const auto allowed = [&](nanoseconds now) {
    int n = 0;
    while (b.allows_another(at(now))) ++n;
    return n;
  };
  EXPECT_EQ(allowed(0s), 1);
  for (int i = 0; i < 100; ++i) b.began(at(0s));
  EXPECT_EQ(allowed(0s), 20);
  EXPECT_EQ(allowed(10s - 1ns), 0);
  EXPECT_EQ(allowed(10s),
            1);  // those calls, and the retries that they paid for, are out of the window
}

TEST(RetryBudget, BothKindsFollowTheirModelInAHundredThousandHistories) {
  for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
    detail::random_source random(seed);
    const bool by_share = random.chance(0.5);
    const std::int64_t window = random.between(1, 3) * 10;
    const std::int64_t most = random.between(1, 4);
    const std::int64_t tenths = random.between(0, 10);
    const retry_budget_options options =
        by_share
            ? retry_budget_options::share(static_cast<double>(tenths) / 10, nanoseconds(window),
                                          static_cast<std::uint32_t>(most))
            : retry_budget_options::tokens(static_cast<double>(most),
                                           static_cast<double>(tenths * most) / 10);
    retry_budget one(options);
    shared_retry_budget other(options);
    std::vector<std::int64_t> calls, retries;  // when
    std::int64_t left = most * 10;             // in tenths of a token
    std::int64_t now = 3'600'000'000'000;
    const auto in_window = [&](const std::vector<std::int64_t>& times) {
      const std::int64_t slice = window / 10;
      std::int64_t n = 0;
      for (const std::int64_t t : times) n += t / slice > now / slice - 10;
      return n;
    };
    for (int i = 0; i < 24; ++i) {
      now += random.between(0, 3);
      const detail::time_point t{nanoseconds(now)};
      switch (random.between(0, 3)) {
        case 0:
          calls.push_back(now);
          one.began(t);
          other.began(t);
          break;
        case 1:
          left = std::min(left + tenths * most, most * 10);
          one.succeeded();
          other.succeeded();
          break;
        case 2:
          left = std::max<std::int64_t>(left - 10, 0);
          one.failed();
          other.failed();
          break;
        default: {
          const bool expected =
              by_share ? (in_window(retries) + 1) * 10 <= in_window(calls) * tenths + most * 10
                       : left * 2 > most * 10;
          if (expected) retries.push_back(now);
          ASSERT_EQ(one.allows_another(t), expected) << "seed " << seed;
          ASSERT_EQ(other.allows_another(t), expected) << "seed " << seed;
        }
      }
    }
  }
}

TEST(RetryBudget, ThreadsTogetherGetNoMoreThanTheShare) {
  shared_retry_budget b(retry_budget_options::share(0.1, 1h, 0));
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        b.began(at(0s));
        b.succeeded();
        b.failed();
        if (b.allows_another(at(0s))) allowed.fetch_add(1, std::memory_order_relaxed);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_LE(allowed.load(), 4'000);
  while (b.allows_another(at(0s))) allowed.fetch_add(1);
  EXPECT_EQ(allowed.load(), 4'000);
}

TEST(RetryBudget, TokensOfSeveralThreadsAreAllCounted) {
  shared_retry_budget b(retry_budget_options::tokens(1'000'000, 0.001));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        b.failed();
        b.succeeded();
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_NEAR(b.tokens(), 1'000'000 - 40'000 + 40, 1e-6);
}

TEST(RetryBudget, CountsWhatItDidNotAllow) {
  retry_budget tokens(retry_budget_options::tokens(1));
  EXPECT_TRUE(tokens.allows_another(at(0s)));
  EXPECT_EQ(tokens.refused(), 0U);
  tokens.failed();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(tokens.allows_another(at(0s)));
  EXPECT_EQ(tokens.refused(), 3U);
  shared_retry_budget share(retry_budget_options::share(0, 1s, 1));
  EXPECT_TRUE(share.allows_another(at(0s)));
  EXPECT_FALSE(share.allows_another(at(0s)));
  EXPECT_EQ(share.refused(), 1U);
}

TEST(RetryBudget, WrongOptionsAreRefusedWithASentence) {
  EXPECT_EQ(sentence([] { retry_budget_options::tokens(0); }),
            "retry_budget: the tokens must be more than 0 and at most 1,000,000");
  EXPECT_EQ(sentence([] { retry_budget_options::tokens(1e7); }),
            "retry_budget: the tokens must be more than 0 and at most 1,000,000");
  EXPECT_EQ(sentence([] { retry_budget_options::tokens(10, -1); }),
            "retry_budget: what a success gives back must be from 0 to the number of tokens");
  EXPECT_EQ(sentence([] { retry_budget_options::share(-0.1); }),
            "retry_budget: the share of the calls must be from 0 to 1000");
  EXPECT_EQ(sentence([] { retry_budget_options::share(0.1, 9ns); }),
            "retry_budget: the window must be at least 10 ns");
}

}  // namespace retry_budget_test
