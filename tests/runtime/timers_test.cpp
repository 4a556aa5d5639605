#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/core/timers.hpp>

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

TEST(TimerWheel, FiresWhatIsDueEarliestFirst) {
  detail::timer_wheel wheel;
  std::vector<int> log;
  named_timer a(log, 1);
  named_timer b(log, 2);
  named_timer c(log, 3);
  wheel.arm(a, zero + 30ns);
  wheel.arm(b, zero + 10ns);
  wheel.arm(c, zero + 20ns);
  wheel.stamp(zero);
  EXPECT_EQ(wheel.next(), zero + 10ns);
  wheel.fire_due(zero + 9ns);
  EXPECT_TRUE(log.empty());
  wheel.fire_due(zero + 20ns);
  EXPECT_EQ(log, (std::vector{2, 3}));
  EXPECT_TRUE(a.armed());
  EXPECT_FALSE(b.armed());
  wheel.fire_due(zero + 30ns);
  EXPECT_EQ(log, (std::vector{2, 3, 1}));
  EXPECT_TRUE(wheel.empty());
  EXPECT_EQ(wheel.next(), detail::never);
}

TEST(TimerWheel, EqualDeadlinesFireInOrderOfCreation) {
  detail::timer_wheel wheel;
  std::vector<int> log;
  std::vector<named_timer> timers;
  timers.reserve(100);
  for (int i = 0; i < 100; ++i) {
    timers.emplace_back(log, i);
    wheel.arm(timers.back(), 5ns);
  }
  wheel.stamp(zero);
  wheel.fire_due(zero + 5ns);
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end()));
  EXPECT_EQ(log.size(), 100U);
}

TEST(TimerWheel, ARelativeTimerCountsFromTheNextReadingOfTheClock) {
  detail::timer_wheel wheel;
  std::vector<int> log;
  named_timer t(log, 1);
  wheel.arm(t, 10ns);
  EXPECT_TRUE(wheel.unstamped());
  wheel.stamp(zero + 100ns);
  EXPECT_FALSE(wheel.unstamped());
  EXPECT_EQ(wheel.next(), zero + 110ns);
  wheel.disarm(t);
}

TEST(TimerWheel, DisarmingFreesTheSlotAtOnce) {
  detail::timer_wheel wheel;
  std::vector<int> log;
  named_timer stamped(log, 1);
  named_timer fresh(log, 2);
  wheel.arm(stamped, 10ns);
  wheel.stamp(zero);
  wheel.arm(fresh, 10ns);
  EXPECT_EQ(wheel.size(), 2U);
  wheel.disarm(stamped);
  wheel.disarm(fresh);
  wheel.disarm(fresh);
  EXPECT_EQ(wheel.size(), 0U);
  wheel.stamp(zero);
  wheel.fire_due(zero + 1h);
  EXPECT_TRUE(log.empty());
}

TEST(TimerWheel, ATimerMayBeArmedAgainAndOutliveTheWheel) {
  std::vector<int> log;
  named_timer stamped(log, 1);
  named_timer fresh(log, 2);
  {
    detail::timer_wheel wheel;
    wheel.arm(stamped, 1ns);
    wheel.stamp(zero);
    wheel.fire_due(zero + 1ns);
    wheel.arm(stamped, 1ns);
    wheel.stamp(zero);
    wheel.arm(fresh, 1ns);
    EXPECT_TRUE(stamped.armed());
    EXPECT_TRUE(fresh.armed());
  }
  EXPECT_FALSE(stamped.armed());
  EXPECT_FALSE(fresh.armed());
}

TEST(TimerWheel, AgreesWithASortedListWhateverIsArmedAndDisarmed) {
  const int seeds = rondo_test::long_run() ? 2000 : 100;
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(seed);
    detail::random_source random(static_cast<std::uint64_t>(seed));
    detail::timer_wheel wheel;
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
          wheel.arm(t, nanoseconds(d));
        else
          wheel.arm(t, now + nanoseconds(d));
        const std::pair entry((now + nanoseconds(d)).time_since_epoch().count(), t.name);
        model.insert(
            std::upper_bound(model.begin(), model.end(), entry,
                             [](const auto& a, const auto& b) { return a.first < b.first; }),
            entry);
      } else if (random.chance(0.5)) {
        wheel.disarm(t);
        std::erase_if(model, [&](const auto& m) { return m.second == t.name; });
      }
      wheel.stamp(now);  // before time goes on, so that relative ones count from here
      EXPECT_EQ(wheel.size(), model.size());
      if (random.chance(0.3)) {
        now += nanoseconds(random.between(0, 5));
        wheel.fire_due(now);
        while (!model.empty() && model.front().first <= now.time_since_epoch().count()) {
          expected.push_back(model.front().second);
          model.erase(model.begin());
        }
        EXPECT_EQ(log, expected);
      }
    }
    for (named_timer& t : timers) wheel.disarm(t);
    if (testing::Test::HasFailure()) return;
  }
}

// What a wheel is asked, and what must come of it.
struct modelled_wheel {
  explicit modelled_wheel(std::size_t n) {
    timers.reserve(n);
    for (std::size_t i = 0; i < n; ++i) timers.emplace_back(log, static_cast<int>(i));
  }
  ~modelled_wheel() {
    for (named_timer& t : timers) wheel.disarm(t);
  }
  void arm(std::size_t i, std::int64_t when) {
    wheel.arm(timers[i], time_point(nanoseconds(when)));
    wheel.stamp(time_point(nanoseconds(now)));
    const std::pair entry(when, static_cast<int>(i));
    model.insert(std::upper_bound(model.begin(), model.end(), entry,
                                  [](const auto& a, const auto& b) { return a.first < b.first; }),
                 entry);
  }
  void disarm(std::size_t i) {
    wheel.disarm(timers[i]);
    std::erase_if(model, [&](const auto& m) { return m.second == static_cast<int>(i); });
  }
  void go_to(std::int64_t t) {
    now = t;
    wheel.fire_due(time_point(nanoseconds(now)));
    while (!model.empty() && model.front().first <= now) {
      expected.push_back(model.front().second);
      model.erase(model.begin());
    }
    EXPECT_EQ(log, expected);
    EXPECT_EQ(wheel.size(), model.size());
  }
  std::int64_t next() const { return wheel.next().time_since_epoch().count(); }

  detail::timer_wheel wheel;
  std::vector<int> log;
  std::vector<int> expected;
  std::vector<named_timer> timers;
  std::vector<std::pair<std::int64_t, int>> model;
  std::int64_t now = 0;
};

TEST(TimerWheel, AgreesWithASortedListFromNanosecondsToYears) {
  const int seeds = rondo_test::long_run() ? 2000 : 100;
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(seed);
    detail::random_source random(static_cast<std::uint64_t>(seed));
    modelled_wheel m(60);
    // Any power of two is as likely as another.
    const auto any = [&](std::int64_t powers) {
      return random.between(0, (std::int64_t{1} << random.between(0, powers)) - 1);
    };
    m.go_to(any(50));
    for (int step = 0; step < 400; ++step) {
      const auto i = static_cast<std::size_t>(random.between(0, 59));
      if (!m.timers[i].armed())
        m.arm(i, random.chance(0.05) ? m.now - any(20) : m.now + any(56));
      else if (random.chance(0.3))
        m.disarm(i);
      if (random.chance(0.3)) m.go_to(m.now + any(random.chance(0.1) ? 52 : 30));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(TimerWheel, NextIsNeverLateAndComesToTheDeadlineInAFewSteps) {
  const int seeds = rondo_test::long_run() ? 2000 : 100;
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(seed);
    detail::random_source random(static_cast<std::uint64_t>(seed));
    modelled_wheel m(40);
    m.go_to(random.between(0, std::int64_t{1} << 40));
    const std::int64_t spread = std::int64_t{1} << random.between(0, 40);
    for (std::size_t i = 0; i < m.timers.size(); ++i) m.arm(i, m.now + random.between(0, spread));
    while (!m.model.empty()) {
      const std::int64_t first = m.model.front().first;
      int steps = 0;
      for (std::int64_t at = m.next(); at < first; at = m.next(), ++steps) {
        EXPECT_GE(at, m.now);
        m.go_to(at);
      }
      EXPECT_LE(steps, 11);  // one a level
      EXPECT_EQ(m.next(), first);
      m.go_to(first);
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_EQ(m.wheel.next(), detail::never);
  }
}

TEST(TimerWheel, TheNextOfAFewTimersIsExact) {
  modelled_wheel m(5);
  m.go_to(1'000'000'000'000);
  for (std::size_t i = 0; i < 5; ++i) m.arm(i, m.now + 75'000'000'000 - static_cast<int>(i));
  EXPECT_EQ(m.next(), m.now + 75'000'000'000 - 4);
}

TEST(TimerWheel, WhatIsDueAtTheEndOfTimeNeverFires) {
  modelled_wheel m(20);
  for (std::size_t i = 0; i < 20; ++i) m.wheel.arm(m.timers[i], nanoseconds::max());
  m.wheel.stamp(zero + 1h);
  EXPECT_EQ(m.wheel.next(), detail::never);
  m.wheel.fire_due(zero + 1h);
  EXPECT_TRUE(m.log.empty());
  EXPECT_EQ(m.wheel.size(), 20U);
}

// --- sleeping, exact in the simulation -----------------------------------------------------------

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
      EXPECT_EQ(detail::this_core().timers().size(), 1U);
      h.cancel();
      EXPECT_TRUE(detail::this_core().timers().empty());
    });
  });
}

TEST(Sleep, OneThatHasEndedKeepsItsResultThoughCancelledInTheSameTurn) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      const auto end = this_loop().now() + 1s;
      bool resumed = false;
      // Two timers of one instant: the first one's task cancels the second, whose sleep has ended
      // by then.
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

// --- the clock's arithmetic ----------------------------------------------------------------------

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
