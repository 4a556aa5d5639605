#include "histogram.hpp"

#include <rondo/runtime/core/random.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using rondo::tools::histogram;

TEST(Histogram, AnEmptyOneHasNothing) {
  const histogram h;
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.min(), 0U);
  EXPECT_EQ(h.max(), 0U);
  EXPECT_EQ(h.mean(), 0);
  EXPECT_EQ(h.percentile(50), 0U);
}

TEST(Histogram, ValuesBelow256AreExact) {
  histogram h;
  for (std::uint64_t v = 0; v < 256; ++v) h.record(v);
  for (std::uint64_t v = 1; v <= 256; ++v)
    EXPECT_EQ(h.percentile(static_cast<double>(v) * 100 / 256), v - 1);
}

TEST(Histogram, WhatIsReadIsAtMostAHundredAndTwentyEighthAboveWhatWasPutIn) {
  for (unsigned bit = 0; bit < 64; ++bit)
    for (const std::int64_t beside : {-1, 0, 1}) {
      const std::uint64_t v = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(beside);
      histogram h;
      h.record(v);
      h.record(UINT64_MAX);  // so that max() does not hide the slot's width
      EXPECT_GE(h.percentile(50), v);
      EXPECT_LE(h.percentile(50) - v, v / 128) << v;
      EXPECT_EQ(h.percentile(100), UINT64_MAX);
    }
}

TEST(Histogram, SlotsFollowOneAnotherWithoutAGap) {
  std::uint64_t last = 0;
  for (std::uint64_t v = 1; v < 100'000; ++v) {
    histogram h;
    h.record(v);
    h.record(UINT64_MAX);
    const std::uint64_t end = h.percentile(50);
    EXPECT_TRUE(end == last || v == last + 1) << v;
    last = end;
  }
}

TEST(Histogram, PercentilesAgreeWithASortedList) {
  rondo::detail::random_source random(1);
  histogram h;
  std::vector<std::uint64_t> sorted;
  for (int i = 0; i < 10'000; ++i) {
    const auto v =
        static_cast<std::uint64_t>(random.between(0, 1'000'000'000) >> random.between(0, 25));
    h.record(v);
    sorted.push_back(v);
  }
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(h.min(), sorted.front());
  EXPECT_EQ(h.max(), sorted.back());
  for (const double p : {0.01, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(p / 100 * 10'000));
    const std::uint64_t exact = sorted[rank - 1];
    EXPECT_GE(h.percentile(p), exact) << p;
    EXPECT_LE(h.percentile(p), exact + exact / 128) << p;
  }
}

TEST(Histogram, MergedOnesAreAsIfRecordedInOne) {
  histogram a;
  histogram b;
  histogram both;
  for (std::uint64_t v = 1; v < 1'000'000; v = v * 3 / 2 + 1) {
    (v % 2 == 0 ? a : b).record(v);
    both.record(v);
  }
  a.merge(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.min(), both.min());
  EXPECT_EQ(a.max(), both.max());
  EXPECT_DOUBLE_EQ(a.mean(), both.mean());
  for (const double p : {10.0, 50.0, 99.0}) EXPECT_EQ(a.percentile(p), both.percentile(p));
}

}  // namespace
