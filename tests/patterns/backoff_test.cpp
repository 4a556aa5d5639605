#include <rondo/patterns/backoff.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

std::vector<nanoseconds> draw(backoff b, int n) {
  std::vector<nanoseconds> all;
  for (int i = 0; i < n; ++i) all.push_back(b.next());
  return all;
}

const nanoseconds longest = nanoseconds::max();

}  // namespace

TEST(Backoff, ConstantIsConstant) {
  EXPECT_EQ(draw(backoff::constant(5ms), 3), (std::vector<nanoseconds>{5ms, 5ms, 5ms}));
}

TEST(Backoff, LinearGrowsByTheFirstDelayUpToTheCap) {
  EXPECT_EQ(draw(backoff::linear(10ms).cap(25ms), 4),
            (std::vector<nanoseconds>{10ms, 20ms, 25ms, 25ms}));
}

TEST(Backoff, ExponentialDoublesUpToTheCap) {
  EXPECT_EQ(draw(backoff::exponential(100ms).cap(500ms), 5),
            (std::vector<nanoseconds>{100ms, 200ms, 400ms, 500ms, 500ms}));
}

TEST(Backoff, ExponentialTakesAFactor) {
  EXPECT_EQ(draw(backoff::exponential(1ms, 3), 4), (std::vector<nanoseconds>{1ms, 3ms, 9ms, 27ms}));
}

TEST(Backoff, GrowsNoLongerThanThirtySecondsByDefault) {
  EXPECT_EQ(backoff::exponential(1s).nominal(40), 30s);
  EXPECT_EQ(backoff::linear(1s).nominal(40), 30s);
}

TEST(Backoff, WithoutAShapeIsNoDelay) { EXPECT_EQ(backoff().next(), 0ns); }

TEST(Backoff, NeverOverflowsAndIsNeverNegative) {
  const std::vector<backoff> shapes{
      backoff::constant(longest),
      backoff::linear(longest / 2).cap(longest),
      backoff::exponential(1ns).cap(longest),
      backoff::exponential(longest, 1e300).cap(longest),
      backoff::exponential(0ns, 1e300).cap(longest),
      backoff::exponential(-5s),
      backoff::constant(-1ns),
      backoff::linear(1s).cap(-1s),
      backoff::exponential(std::chrono::duration<double>(std::numeric_limits<double>::infinity())),
  };
  for (backoff b : shapes) {
    for (const backoff& jittered :
         {b, backoff(b).full_jitter().seed(1), backoff(b).equal_jitter().seed(1),
          backoff(b).decorrelated_jitter().seed(1)}) {
      backoff each = jittered;
      for (int attempt = 1; attempt <= 5'001; ++attempt) ASSERT_GE(each.next(), 0ns) << attempt;
    }
    EXPECT_GE(b.nominal(5'000), b.nominal(4'999));
    EXPECT_GE(b.nominal(std::numeric_limits<std::uint64_t>::max()), 0ns);
  }
}

TEST(Backoff, FullJitterIsUniformUpToTheDelay) {
  backoff b = backoff::constant(1000ns).full_jitter().seed(7);
  std::int64_t sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const nanoseconds d = b.next();
    ASSERT_TRUE(d >= 0ns && d <= 1000ns);
    sum += d.count();
  }
  EXPECT_NEAR(static_cast<double>(sum) / 10'000, 500, 15);
}

TEST(Backoff, EqualJitterKeepsHalfTheDelay) {
  backoff b = backoff::constant(1001ns).equal_jitter().seed(7);
  nanoseconds least = longest, most{};
  for (int i = 0; i < 10'000; ++i) {
    const nanoseconds d = b.next();
    least = std::min(least, d);
    most = std::max(most, d);
  }
  EXPECT_EQ(least, 500ns);
  EXPECT_EQ(most, 1001ns);
}

TEST(Backoff, DecorrelatedJitterStaysBetweenTheFirstDelayAndThreeTimesTheOneBefore) {
  backoff b = backoff::exponential(100ms).cap(5s).decorrelated_jitter().seed(7);
  nanoseconds before = 100ms;
  bool reached = false;
  for (int i = 0; i < 1'000; ++i) {
    const nanoseconds d = b.next();
    ASSERT_GE(d, 100ms);
    ASSERT_LE(d, std::min<nanoseconds>(5s, before * 3));
    reached |= d > 4s;
    before = d;
  }
  EXPECT_TRUE(reached);
}

TEST(Backoff, TheSameSeedGivesTheSameDelays) {
  const auto seeded = [](std::uint64_t n) {
    return draw(backoff::exponential(1s).full_jitter().seed(n), 8);
  };
  EXPECT_EQ(seeded(1), seeded(1));
  EXPECT_NE(seeded(1), seeded(2));
}

TEST(Backoff, WithoutASeedNoTwoAgree) {
  EXPECT_NE(draw(backoff::constant(1h).full_jitter(), 4),
            draw(backoff::constant(1h).full_jitter(), 4));
}

TEST(Backoff, ResetStartsFromTheFirstDelay) {
  backoff b = backoff::exponential(1ms);
  (void)b.next();
  (void)b.next();
  b.reset();
  EXPECT_EQ(b.next(), 1ms);
}

TEST(Backoff, AFactorBelowOneIsRefused) {
  EXPECT_THROW((void)backoff::exponential(1ms, 0.5), std::invalid_argument);
  EXPECT_THROW((void)backoff::exponential(1ms, -2), std::invalid_argument);
  EXPECT_THROW((void)backoff::exponential(1ms, std::numeric_limits<double>::quiet_NaN()),
               std::invalid_argument);
  EXPECT_THROW((void)backoff::exponential(1ms, std::numeric_limits<double>::infinity()),
               std::invalid_argument);
}
