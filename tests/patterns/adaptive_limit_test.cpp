#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

adaptive_limit::time_point at(nanoseconds d) { return adaptive_limit::time_point(1000h + d); }

// Fills the limit, then settles all of it with this latency.
void full_load(adaptive_limit& l, nanoseconds latency, verdict v = verdict::success) {
  std::vector<adaptive_limit::permit> permits;
  for (std::uint32_t i = 0, n = l.limit(); i < n; ++i) permits.push_back(l.admit(at(0s)));
  for (auto& p : permits) p.settle(v, at(latency));
}

task<int> slow() {
  co_await sleep_for(10ms);
  co_return 1;
}

}  // namespace

TEST(AdaptiveLimit, RefusesWhatIsOverTheLimit) {
  adaptive_limit l(adaptive_limit::aimd().limits(2, 1, 10));
  auto a = l.admit(at(0s));
  auto b = l.admit(at(0s));
  EXPECT_TRUE(a);
  EXPECT_TRUE(b);
  EXPECT_FALSE(l.admit(at(0s)));
  a.settle(verdict::neutral, at(1s));
  EXPECT_EQ(l.in_use(), 1U);
  EXPECT_TRUE(l.admit(at(1s)));
}

TEST(AdaptiveLimit, AimdGrowsByOneAndShrinksByATenth) {
  adaptive_limit l(adaptive_limit::aimd().limits(20, 1, 30));
  const auto one = [&](verdict v, nanoseconds latency) {
    std::vector<adaptive_limit::permit> others;
    for (std::uint32_t i = 1; i < l.limit(); ++i) others.push_back(l.admit(at(0s)));
    l.admit(at(0s)).settle(v, at(latency));
  };
  one(verdict::success, 1ms);
  EXPECT_EQ(l.limit(), 21U);
  one(verdict::failure, 1ms);
  EXPECT_EQ(l.limit(), 18U);
  one(verdict::success, 5s + 1ns);  // later than the timeout
  EXPECT_EQ(l.limit(), 16U);
  one(verdict::neutral, 1ms);
  EXPECT_EQ(l.limit(), 16U);
  for (int i = 0; i < 50; ++i) one(verdict::success, 1ms);
  EXPECT_EQ(l.limit(), 30U);
  for (int i = 0; i < 50; ++i) one(verdict::failure, 1ms);
  EXPECT_EQ(l.limit(), 1U);
}

TEST(AdaptiveLimit, ALimitThatIsNotUsedDoesNotGrow) {
  for (const auto& o :
       {adaptive_limit::aimd(), adaptive_limit::gradient2(), adaptive_limit::vegas()}) {
    adaptive_limit l(o);
    for (int i = 0; i < 100; ++i) l.admit(at(0s)).settle(verdict::success, at(1ms));
    EXPECT_EQ(l.limit(), 20U);
  }
}

TEST(AdaptiveLimit, VegasGrowsWithoutAQueueAndShrinksWithOne) {
  adaptive_limit l(adaptive_limit::vegas().seed(1));
  for (int i = 0; i < 4; ++i) full_load(l, 1ms);
  const std::uint32_t grown = l.limit();
  EXPECT_GT(grown, 100U);
  for (int i = 0; i < 4; ++i) full_load(l, 2ms);  // half of the time is a queue's
  EXPECT_LT(l.limit(), grown);
}

TEST(AdaptiveLimit, Gradient2ShrinksWhenLatencyDoublesAndComesBack) {
  adaptive_limit l(adaptive_limit::gradient2());
  for (int i = 0; i < 20; ++i) full_load(l, 1ms);
  EXPECT_EQ(l.limit(), 200U);
  full_load(l, 4ms);
  const std::uint32_t loaded = l.limit();
  EXPECT_LT(loaded, 50U);
  for (int i = 0; i < 20; ++i) full_load(l, 1ms);
  EXPECT_EQ(l.limit(), 200U);
}

TEST(AdaptiveLimit, CallsGiveTheOutcomeOrARejection) {
  simulate([]() -> task<> {
    adaptive_limit l(adaptive_limit::aimd().limits(1, 1, 1));
    const auto [a, b] = co_await gather(l.run(slow), l.run(slow));
    EXPECT_TRUE(a.has_value());
    EXPECT_TRUE(b.code() == rejection_reason::limit_exceeded);
    EXPECT_EQ(co_await l(slow), 1);
    const auto held = l.admit();
    EXPECT_THROW((void)co_await l(slow), rejected);
  });
}

TEST(AdaptiveLimit, ACancelledCallAndARejectionInsideChangeNothing) {
  simulate([]() -> task<> {
    adaptive_limit l(adaptive_limit::aimd().limits(2, 1, 9));
    bulkhead none(1);
    const auto held = none.try_acquire();
    EXPECT_FALSE(co_await try_for(1ms, l.run(slow)));
    EXPECT_TRUE((co_await l.run([&] { return none.run(slow); })).has_error());
    EXPECT_EQ(l.limit(), 2U);
    EXPECT_EQ(l.in_use(), 0U);
    EXPECT_TRUE((co_await l.run([]() -> task<> {
                  throw std::runtime_error("bad");
                  co_return;
                })).has_error());
    EXPECT_EQ(l.limit(), 1U);
  });
}

// --- against a model -----------------------------------------------------------------------------

namespace {

// The three formulas as their sources give them, written for reading.
struct netflix_model {
  int kind;
  double limit = 20;
  double most = 200;
  double least_latency = 0, count = 0, jitter = 1;
  detail::random_source random{5};
  int seen = 0;
  double average = 0;

  int integral() const { return static_cast<int>(limit); }
  void sample(double latency, int in_flight, bool failed) {
    if (kind == 0) {
      if (failed || latency > 100)
        limit = static_cast<int>(integral() * 0.9);
      else if (in_flight * 2 >= integral())
        limit = integral() + 1;
    } else if (kind == 1) {
      vegas(latency, in_flight, failed);
    } else {
      gradient(latency, in_flight);
    }
    limit = std::max(1.0, std::min(most, limit));
  }
  void vegas(double latency, int in_flight, bool failed) {
    if (jitter * 30 * limit <= ++count) {
      jitter = 0.5 + random.unit() / 2;
      count = 0;
      least_latency = latency;
    } else if (least_latency == 0 || latency < least_latency) {
      least_latency = latency;
    } else {
      const int log10 = std::max(1, static_cast<int>(std::log10(integral())));
      const int queue = static_cast<int>(std::ceil(limit * (1 - least_latency / latency)));
      if (failed)
        limit -= log10;
      else if (in_flight * 2 >= limit) {
        if (queue <= log10)
          limit += 6 * log10;
        else if (queue < 3 * log10)
          limit += log10;
        else if (queue > 6 * log10)
          limit -= log10;
      }
    }
  }
  void gradient(double latency, int in_flight) {
    ++seen;
    if (seen <= 10)
      average = (average * (seen - 1) + latency) / seen;
    else
      average += (latency - average) * (2.0 / 601);
    const double long_term = average;
    if (long_term / latency > 2) average *= 0.95;
    if (in_flight < limit / 2) return;
    const double g = std::max(0.5, std::min(1.0, 1.5 * long_term / latency));
    limit = limit * 0.8 + (limit * g + 4) * 0.2;
  }
};

}  // namespace

TEST(AdaptiveLimit, FollowsTheModelInAHundredThousandHistories) {
  for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
    detail::random_source random(seed);
    const int kind = static_cast<int>(random.between(0, 2));
    auto options = kind == 0   ? adaptive_limit::aimd().timeout(100ns)
                   : kind == 1 ? adaptive_limit::vegas().seed(5)
                               : adaptive_limit::gradient2();
    const auto first = static_cast<std::uint32_t>(random.between(1, 6));
    adaptive_limit l(options.limits(first, 1, 12));
    netflix_model model{kind};
    model.limit = first;
    model.most = 12;
    struct call {
      adaptive_limit::permit permit;
      int in_flight;
      nanoseconds begun;
    };
    std::vector<call> calls;
    nanoseconds now{};
    for (int i = 0; i < 40; ++i) {
      now += nanoseconds(random.between(0, 60));
      if (calls.empty() || random.chance(0.6)) {
        auto p = l.admit(at(now));
        ASSERT_EQ(static_cast<bool>(p), static_cast<int>(calls.size()) < model.integral())
            << "seed " << seed;
        if (p) {
          const int in_flight = static_cast<int>(calls.size()) + 1;
          calls.push_back({std::move(p), in_flight, now});
        }
      } else {
        const auto which = static_cast<std::size_t>(
            random.between(0, static_cast<std::int64_t>(calls.size()) - 1));
        call c{std::move(calls[which].permit), calls[which].in_flight, calls[which].begun};
        std::vector<call> rest;
        for (std::size_t k = 0; k < calls.size(); ++k)
          if (k != which)
            rest.push_back({std::move(calls[k].permit), calls[k].in_flight, calls[k].begun});
        calls = std::move(rest);
        const auto drawn = random.between(0, 9);
        const verdict v = drawn < 7   ? verdict::success
                          : drawn < 9 ? verdict::failure
                                      : verdict::neutral;
        c.permit.settle(v, at(now));
        if (v != verdict::neutral)
          model.sample(std::max(1.0, static_cast<double>((now - c.begun).count())), c.in_flight,
                       v == verdict::failure);
      }
      ASSERT_EQ(l.in_use(), calls.size());
      ASSERT_EQ(static_cast<int>(l.limit()), model.integral())
          << "seed " << seed << " kind " << kind;
    }
  }
}

TEST(AdaptiveLimit, CancelledAtEveryWaitKeepsItsAccounts) {
  std::unique_ptr<adaptive_limit> l;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        l = std::make_unique<adaptive_limit>(adaptive_limit::gradient2().limits(2, 1, 9));
        (void)co_await gather(l->run(slow), l->run(slow), l->run(slow));
        (void)co_await l->run(slow);
      },
      [&] { EXPECT_EQ(l->in_use(), 0U); });
  EXPECT_EQ(n.at_rest, 4U);
}

TEST(AdaptiveLimit, WrongOptionsAreRefusedWithASentence) {
  const auto sentence = [](auto fn) -> std::string {
    try {
      fn();
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(sentence([] { adaptive_limit::aimd().limits(1, 0, 1); }),
            "adaptive_limit: a limit of 0 would admit no call");
  EXPECT_EQ(sentence([] { adaptive_limit::aimd().limits(1, 2, 3); }),
            "adaptive_limit: the first limit must lie between the least and the most");
  EXPECT_EQ(sentence([] { adaptive_limit::aimd().limits(4, 2, 3); }),
            "adaptive_limit: the first limit must lie between the least and the most");
  EXPECT_EQ(sentence([] { adaptive_limit::aimd().timeout(0s); }),
            "adaptive_limit: the timeout must be positive");
  EXPECT_EQ(sentence([] { adaptive_limit::aimd().decrease(1); }),
            "adaptive_limit: what is left after a failure must lie between 0 and 1, both excluded");
  EXPECT_EQ(sentence([] { adaptive_limit::gradient2().tolerance(0.5); }),
            "adaptive_limit: the tolerance must be finite and at least 1");
}

#ifndef RONDO_TEST_SANITIZED
TEST(AdaptiveLimit, AllocatesNothing) {
  simulate([]() -> task<> {
    adaptive_limit l(adaptive_limit::vegas());
    const auto call = []() -> task<int> { co_return 1; };
    (void)co_await l.run(call);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await l.run(call);
    EXPECT_EQ(allocations(), before);
  });
}
#endif
