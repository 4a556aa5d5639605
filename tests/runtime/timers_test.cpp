#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/random.hpp>
#include <rondo/runtime/timers.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using detail::nanoseconds;
using detail::time_point;
using rondo_test::simulate;

constexpr auto zero = time_point();

struct named_timer : detail::timer {
  explicit named_timer(std::vector<int>& l, int n) : timer(&fired), log(&l), name(n) {}
  static void fired(timer& t) noexcept {
    auto& self = static_cast<named_timer&>(t);
    self.log->push_back(self.name);
  }
  std::vector<int>* log;
  int name;
};

TEST(TimerHeap, FiresWhatIsDueEarliestFirst) {
  detail::timer_heap heap;
  std::vector<int> log;
  named_timer a(log, 1);
  named_timer b(log, 2);
  named_timer c(log, 3);
  heap.arm(a, zero + 30ns);
  heap.arm(b, zero + 10ns);
  heap.arm(c, zero + 20ns);
  heap.stamp(zero);
  EXPECT_EQ(heap.next(), zero + 10ns);
  heap.fire_due(zero + 9ns);
  EXPECT_TRUE(log.empty());
  heap.fire_due(zero + 20ns);
  EXPECT_EQ(log, (std::vector{2, 3}));
  EXPECT_TRUE(a.armed());
  EXPECT_FALSE(b.armed());
  heap.fire_due(zero + 30ns);
  EXPECT_EQ(log, (std::vector{2, 3, 1}));
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.next(), detail::never);
}

TEST(TimerHeap, EqualDeadlinesFireInOrderOfCreation) {
  detail::timer_heap heap;
  std::vector<int> log;
  std::vector<named_timer> timers;
  timers.reserve(100);
  for (int i = 0; i < 100; ++i) {
    timers.emplace_back(log, i);
    heap.arm(timers.back(), 5ns);
  }
  heap.stamp(zero);
  heap.fire_due(zero + 5ns);
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end()));
  EXPECT_EQ(log.size(), 100U);
}

TEST(TimerHeap, ARelativeTimerCountsFromTheNextReadingOfTheClock) {
  detail::timer_heap heap;
  std::vector<int> log;
  named_timer t(log, 1);
  heap.arm(t, 10ns);
  EXPECT_TRUE(heap.unstamped());
  heap.stamp(zero + 100ns);
  EXPECT_FALSE(heap.unstamped());
  EXPECT_EQ(heap.next(), zero + 110ns);
  heap.disarm(t);
}

TEST(TimerHeap, DisarmingFreesTheSlotAtOnce) {
  detail::timer_heap heap;
  std::vector<int> log;
  named_timer stamped(log, 1);
  named_timer fresh(log, 2);
  heap.arm(stamped, 10ns);
  heap.stamp(zero);
  heap.arm(fresh, 10ns);
  EXPECT_EQ(heap.size(), 2U);
  heap.disarm(stamped);
  heap.disarm(fresh);
  heap.disarm(fresh);
  EXPECT_EQ(heap.size(), 0U);
  heap.stamp(zero);
  heap.fire_due(zero + 1h);
  EXPECT_TRUE(log.empty());
}

TEST(TimerHeap, ATimerMayBeArmedAgainAndOutliveTheHeap) {
  std::vector<int> log;
  named_timer stamped(log, 1);
  named_timer fresh(log, 2);
  {
    detail::timer_heap heap;
    heap.arm(stamped, 1ns);
    heap.stamp(zero);
    heap.fire_due(zero + 1ns);
    heap.arm(stamped, 1ns);
    heap.stamp(zero);
    heap.arm(fresh, 1ns);
    EXPECT_TRUE(stamped.armed());
    EXPECT_TRUE(fresh.armed());
  }
  EXPECT_FALSE(stamped.armed());
  EXPECT_FALSE(fresh.armed());
}

TEST(TimerHeap, AgreesWithASortedListWhateverIsArmedAndDisarmed) {
  const int seeds = rondo_test::long_run() ? 2000 : 100;
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(seed);
    detail::random_source random(static_cast<std::uint64_t>(seed));
    detail::timer_heap heap;
    std::vector<int> log;
    std::vector<named_timer> timers;
    for (int i = 0; i < 60; ++i) timers.emplace_back(log, i);
    std::vector<std::pair<std::int64_t, int>>
        model;  // (deadline, name), earliest first, then in order of arming
    std::vector<int> expected;
    time_point now = zero;
    for (int step = 0; step < 400; ++step) {
      const auto i = static_cast<std::size_t>(random.between(0, 59));
      named_timer& t = timers[i];
      if (!t.armed()) {
        const auto d = random.between(-2, 20);
        if (random.chance(0.5))
          heap.arm(t, nanoseconds(d));
        else
          heap.arm(t, now + nanoseconds(d));
        const std::pair entry((now + nanoseconds(d)).time_since_epoch().count(), t.name);
        model.insert(
            std::upper_bound(model.begin(), model.end(), entry,
                             [](const auto& a, const auto& b) { return a.first < b.first; }),
            entry);
      } else if (random.chance(0.5)) {
        heap.disarm(t);
        std::erase_if(model, [&](const auto& m) { return m.second == t.name; });
      }
      heap.stamp(now);  // before time goes on, so that relative ones count from here
      EXPECT_EQ(heap.size(), model.size());
      if (random.chance(0.3)) {
        now += nanoseconds(random.between(0, 5));
        heap.fire_due(now);
        while (!model.empty() && model.front().first <= now.time_since_epoch().count()) {
          expected.push_back(model.front().second);
          model.erase(model.begin());
        }
        EXPECT_EQ(log, expected);
      }
    }
    for (named_timer& t : timers) heap.disarm(t);
    if (testing::Test::HasFailure()) return;
  }
}

// --- sleeping, exact in the simulation --------------------------------------------------------------

TEST(Sleep, EndsInItsNanosecond) {
  simulate([]() -> task<> {
    for (const auto d : {1ns, 999ns, 1'000'000'007ns, nanoseconds(100h)}) {
      const auto start = this_loop().now();
      co_await sleep_for(d);
      EXPECT_EQ(this_loop().now() - start, d);
    }
  });
}

TEST(Sleep, UntilEndsInItsNanosecond) {
  simulate([]() -> task<> {
    const auto end = this_loop().now() + 12'345ns;
    co_await sleep_until(end);
    EXPECT_EQ(this_loop().now(), end);
    co_await sleep_until(end - 1h);
    EXPECT_EQ(this_loop().now(), end);
  });
}

TEST(Sleep, ZeroAndNegativeEndAtOnceButThroughTheLoop) {
  simulate([]() -> task<> {
    for (const auto d : {nanoseconds(0), nanoseconds(-1), nanoseconds::min()}) {
      const auto start = this_loop().now();
      const auto steps = this_loop().stats().steps;
      co_await sleep_for(d);
      EXPECT_EQ(this_loop().now(), start);
      EXPECT_EQ(this_loop().stats().steps, steps + 1);
    }
  });
}

TEST(Sleep, TooLongToCountLastsUntilCancelled) {
  simulate([]() -> task<> {
    EXPECT_FALSE(co_await try_for(1h, sleep_for(std::chrono::hours::max())));
    EXPECT_FALSE(co_await try_for(1h, sleep_for(std::chrono::duration<double>(1e300))));
    EXPECT_FALSE(co_await try_for(1h, sleep_until(std::chrono::steady_clock::time_point::max())));
    co_await sleep_until(std::chrono::steady_clock::time_point::min());
  });
}

TEST(Sleep, AFractionOfANanosecondIsRoundedUp) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    co_await sleep_for(std::chrono::duration<double, std::nano>(1.5));
    EXPECT_EQ(this_loop().now() - start, 2ns);
  });
}

TEST(Sleep, EqualDeadlinesEndInOrderOfCreation) {
  simulate([]() -> task<> {
    std::string log;
    const auto end = this_loop().now() + 1s;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'z'; ++c)
        g.spawn([&, c]() -> task<> {
          if (c % 2)
            co_await sleep_until(end);
          else
            co_await sleep_for(1s);
          log += c;
        });
      co_return;
    });
    EXPECT_EQ(log, "abcdefghijklmnopqrstuvwxyz");
  });
}

TEST(Sleep, AnHourTakesNoTimeInTheSimulation) {
  const auto before = std::chrono::steady_clock::now();
  simulate([]() -> task<> {
    for (int i = 0; i < 1000; ++i) co_await sleep_for(1h);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1h);
}

TEST(Sleep, ACancelledOneFreesItsTimerAtOnce) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(sleep_for(1h));
      co_await sleep_for(1ms);
      EXPECT_EQ(this_loop().timers().size(), 1U);
      h.cancel();
      EXPECT_TRUE(this_loop().timers().empty());
    });
  });
}

TEST(Sleep, OneThatHasEndedKeepsItsResultThoughCancelledInTheSameTurn) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      const auto end = this_loop().now() + 1s;
      bool resumed = false;
      // Two timers of one instant: the first one's task cancels the second, whose sleep has ended by then.
      std::optional<join_handle<void>> second;
      g.spawn([&]() -> task<> {
        co_await sleep_until(end);
        second->cancel();
      });
      second.emplace(g.spawn([&]() -> task<> {
        co_await sleep_until(end);
        resumed = true;
      }));
      EXPECT_TRUE((co_await second->join()).has_value());
      EXPECT_TRUE(resumed);
    });
  });
}

// --- the clock's arithmetic -------------------------------------------------------------------------

TEST(Clock, DurationsSaturate) {
  using detail::saturate;
  EXPECT_EQ(saturate(1h), nanoseconds(3'600'000'000'000));
  EXPECT_EQ(saturate(std::chrono::hours::max()), nanoseconds::max());
  EXPECT_EQ(saturate(std::chrono::hours::min()), nanoseconds::min());
  EXPECT_EQ(saturate(nanoseconds::max()), nanoseconds::max());
  EXPECT_EQ(saturate(std::chrono::duration<double>(std::numeric_limits<double>::infinity())),
            nanoseconds::max());
  EXPECT_EQ(saturate(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())),
            nanoseconds::min());
  EXPECT_EQ(saturate(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())),
            nanoseconds::zero());
}

TEST(Clock, FractionsAreRoundedUpBecauseATimerIsNeverEarly) {
  using detail::saturate;
  using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  EXPECT_EQ(saturate(picoseconds(1)), 1ns);
  EXPECT_EQ(saturate(picoseconds(-1)), 0ns);
  EXPECT_EQ(saturate(picoseconds(1000)), 1ns);
  EXPECT_EQ(saturate(picoseconds(1001)), 2ns);
}

TEST(Clock, LongDurationsOfWholeUnitsAreExact) {
  using detail::saturate;
  EXPECT_EQ(saturate(std::chrono::microseconds(9'007'199'254'740'993)),
            nanoseconds(9'007'199'254'740'993'000));
}

TEST(Clock, AddingSaturates) {
  using detail::add;
  EXPECT_EQ(add(zero + 5ns, 3ns), zero + 8ns);
  EXPECT_EQ(add(zero + 5ns, nanoseconds::max()), time_point::max());
  EXPECT_EQ(add(zero - 5ns, nanoseconds::min()), time_point::min());
}

}  // namespace
