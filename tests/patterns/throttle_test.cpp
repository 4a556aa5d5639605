#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace throttle_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

throttle::time_point at(nanoseconds d) { return throttle::time_point(1000h + d); }

}  // namespace

TEST(Throttle, RefusesNothingWhileHalfOfTheCallsAreAccepted) {
  throttle t;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(t.admit(at(0s)));
    t.settle(i % 2 == 0 ? verdict::success : verdict::failure, at(0s));
  }
  EXPECT_EQ(t.rejection_probability(at(0s)), 0);
  EXPECT_EQ(t.refused(), 0U);
}

TEST(Throttle, TheProbabilityIsThatOfTheFormula) {
  throttle t;
  for (int i = 0; i < 100; ++i) t.settle(i < 20 ? verdict::success : verdict::failure, at(0s));
  EXPECT_DOUBLE_EQ(t.rejection_probability(at(0s)), (100 - 2 * 20) / 101.0);
  throttle strict(throttle::options().multiplier(1.1));
  for (int i = 0; i < 100; ++i) strict.settle(i < 20 ? verdict::success : verdict::failure, at(0s));
  EXPECT_DOUBLE_EQ(strict.rejection_probability(at(0s)), (100 - 1.1 * 20) / 101.0);
}

TEST(Throttle, NeutralEndsAndCallsOnTheirWayDoNotCount) {
  throttle t;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(t.admit(at(0s)));
    t.settle(verdict::neutral, at(0s));
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(t.admit(at(0s)));
  EXPECT_EQ(t.rejection_probability(at(0s)), 0);
}

TEST(Throttle, WhatItRefusesCountsAsARequest) {
  throttle t(throttle::options().seed(3));
  for (int i = 0; i < 10; ++i) t.settle(verdict::failure, at(0s));
  const double before = t.rejection_probability(at(0s));
  while (t.admit(at(0s))) {
  }
  EXPECT_EQ(t.refused(), 1U);
  EXPECT_GT(t.rejection_probability(at(0s)), before);
}

TEST(Throttle, TheWindowForgetsToTheNanosecond) {
  throttle t(throttle::options().window(10s));
  t.settle(verdict::failure, at(0s));
  EXPECT_DOUBLE_EQ(t.rejection_probability(at(10s - 1ns)), 0.5);
  EXPECT_EQ(t.rejection_probability(at(10s)), 0);
  t.settle(verdict::failure, at(10s));
  EXPECT_EQ(t.rejection_probability(at(1000h)), 0);
}

TEST(Throttle, ACalleeThatRecoversIsSoonCalledAgain) {
  simulate([]() -> task<> {
    throttle t(throttle::options().window(10s).seed(1));
    bool broken = true;
    int sent = 0;
    const auto call = [&]() -> task<> {
      ++sent;
      if (broken) throw std::runtime_error("overloaded");
      co_return;
    };
    for (int i = 0; i < 1000; ++i) (void)co_await t.run(call);
    EXPECT_LT(sent, 30);
    EXPECT_TRUE((co_await t.run(call)).code() == rejection_reason::throttled);
    broken = false;
    co_await sleep_for(20s);
    sent = 0;
    for (int i = 0; i < 100; ++i) (void)co_await t.run(call);
    EXPECT_EQ(sent, 100);
  });
}

TEST(Throttle, TheSameSeedRefusesTheSameCalls) {
  const auto trace = [](std::uint64_t seed) {
    throttle t(throttle::options().seed(seed));
    std::string s;
    for (int i = 0; i < 200; ++i) {
      const bool sent = t.admit(at(0s));
      if (sent) t.settle(i % 4 == 0 ? verdict::success : verdict::failure, at(0s));
      s += sent ? '.' : 'x';
    }
    return s;
  };
  EXPECT_EQ(trace(1), trace(1));
  EXPECT_NE(trace(1), trace(2));
}

TEST(Throttle, FollowsTheModelInAHundredThousandHistories) {
  for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
    detail::random_source random(seed);
    const std::int64_t slice = random.between(1, 4);
    throttle t(throttle::options().window(nanoseconds(slice * 10)).seed(seed).multiplier(1.5));
    detail::random_source same_numbers(seed);
    std::vector<std::pair<std::int64_t, bool>> requests;  // when, and whether it was accepted
    std::int64_t now = 3'600'000;
    for (int i = 0; i < 24; ++i) {
      now += random.between(0, random.chance(0.1) ? 60 : 6);
      const throttle::time_point when{nanoseconds(now)};
      double all = 0, accepted = 0;
      for (const auto& [at, good] : requests) {
        if (at / slice <= now / slice - 10) continue;
        all += 1;
        accepted += good ? 1 : 0;
      }
      const double p = std::max(0.0, (all - 1.5 * accepted) / (all + 1));
      ASSERT_DOUBLE_EQ(t.rejection_probability(when), p) << "seed " << seed;
      if (random.chance(0.5)) {
        const bool refused = p > 0 && same_numbers.unit() < p;
        ASSERT_EQ(t.admit(when), !refused) << "seed " << seed;
        if (refused) requests.push_back({now, false});
      } else {
        const bool good = random.chance(0.4);
        t.settle(good ? verdict::success : verdict::failure, when);
        requests.push_back({now, good});
      }
    }
  }
}

TEST(Throttle, CancelledAtEveryWaitCountsOnlyWhatEnded) {
  std::unique_ptr<throttle> t;
  int ended = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        ended = 0;
        t = std::make_unique<throttle>(throttle::options().multiplier(1000));
        for (int i = 0; i < 3; ++i) {
          (void)co_await t->run([]() -> task<> {
            co_await sleep_for(1ms);
            throw std::runtime_error("bad");
          });
          ++ended;
          t->settle(verdict::success, this_loop().now());  // so that none is refused
        }
      },
      [&] { EXPECT_EQ(t->refused(), 0U); });
  EXPECT_EQ(n.at_rest, 3U);
}

TEST(Throttle, WrongOptionsAreRefusedWithASentence) {
  const auto sentence = [](auto fn) -> std::string {
    try {
      fn();
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(
      sentence([] { throttle::options().multiplier(0.9); }),
      "throttle: the multiplier must be finite and at least 1; less would refuse accepted calls");
  EXPECT_EQ(sentence([] { throttle::options().window(9ns); }),
            "throttle: the window must be at least 10 ns");
}

#ifndef RONDO_TEST_SANITIZED
TEST(Throttle, AllocatesNothing) {
  simulate([]() -> task<> {
    throttle t;
    const auto call = []() -> task<int> { co_return 1; };
    (void)co_await t.run(call);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await t.run(call);
    EXPECT_EQ(allocations(), before);
  });
}
#endif

}  // namespace throttle_test
