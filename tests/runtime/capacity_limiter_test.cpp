#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

task<> holds(capacity_limiter& l, char name, std::string& log, std::chrono::seconds how_long = 1s) {
  const auto token = co_await l.acquire();
  log += name;
  co_await sleep_for(how_long);
}

TEST(CapacityLimiter, CountsWhatIsOut) {
  simulate([]() -> task<> {
    capacity_limiter l(2);
    EXPECT_EQ(l.total(), 2U);
    const auto steps = this_loop().stats().steps;
    {
      const auto a = co_await l.acquire();
      EXPECT_EQ(l.borrowed(), 1U);
      EXPECT_EQ(l.available(), 1U);
      const auto b = co_await l.acquire();
      EXPECT_EQ(l.available(), 0U);
      EXPECT_FALSE(l.try_acquire());
    }
    EXPECT_EQ(this_loop().stats().steps, steps);  // none of them suspended
    EXPECT_EQ(l.borrowed(), 0U);
    EXPECT_TRUE(l.try_acquire());
  });
}

TEST(CapacityLimiter, ServesThoseWhoWaitInTheOrderTheyCame) {
  simulate([]() -> task<> {
    capacity_limiter l(2);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'f'; ++c) g.spawn(holds(l, c, log));
      co_await yield_now();
      EXPECT_EQ(log, "ab");
    });
    EXPECT_EQ(log, "abcdef");
    EXPECT_EQ(l.borrowed(), 0U);
  });
}

TEST(CapacityLimiter, ANewcomerNeverPassesAWaiter) {
  simulate([]() -> task<> {
    capacity_limiter l(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await l.acquire();
      g.spawn(holds(l, 'w', log));
      co_await yield_now();
      mine.release();
      EXPECT_EQ(l.borrowed(), 1U);  // it is in the waiter's hands
      EXPECT_FALSE(l.try_acquire());
      const auto token = co_await l.acquire();
      log += 'n';
    });
    EXPECT_EQ(log, "wn");
  });
}

TEST(CapacityLimiter, RaisingTheTotalServesAsManyAsTheNewRoomAllows) {
  simulate([]() -> task<> {
    capacity_limiter l(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'e'; ++c) g.spawn(holds(l, c, log));
      co_await yield_now();
      EXPECT_EQ(log, "a");
      l.set_total(3);
      EXPECT_EQ(l.borrowed(), 3U);
      co_await yield_now();
      EXPECT_EQ(log, "abc");
      l.set_total(unbounded);
      co_await yield_now();
      EXPECT_EQ(log, "abcde");
    });
    EXPECT_EQ(l.borrowed(), 0U);
  });
}

TEST(CapacityLimiter, LoweringTheTotalTakesNothingAwayAndAdmitsNobodyUntilThereIsRoom) {
  simulate([]() -> task<> {
    capacity_limiter l(3);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(holds(l, 'a', log, 1s));
      g.spawn(holds(l, 'b', log, 2s));
      g.spawn(holds(l, 'c', log, 3s));
      g.spawn(holds(l, 'd', log));
      co_await yield_now();
      l.set_total(1);
      EXPECT_EQ(l.borrowed(), 3U);
      EXPECT_EQ(l.available(), 0U);
      EXPECT_FALSE(l.try_acquire());
      co_await sleep_for(2500ms);
      EXPECT_EQ(l.borrowed(), 1U);
      EXPECT_EQ(log, "abc");
      co_await sleep_for(1s);
      EXPECT_EQ(log, "abcd");
    });
  });
}

TEST(CapacityLimiter, ATotalOfNothingAdmitsNobody) {
  simulate([]() -> task<> {
    capacity_limiter l(0);
    EXPECT_FALSE(l.try_acquire());
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(l.acquire());
      co_await sleep_for(1s);
      EXPECT_FALSE(h.done());
      l.set_total(1);
      (void)co_await h;
    });
  });
}

TEST(CapacityLimiter, RaisedAndLoweredInOneTurnServesWhoWasGivenAToken) {
  simulate([]() -> task<> {
    capacity_limiter l(0);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(holds(l, 'a', log));
      auto b = g.spawn(holds(l, 'b', log));
      co_await yield_now();
      l.set_total(1);
      l.set_total(0);
      co_await sleep_for(2s);
      EXPECT_EQ(log, "a");
      EXPECT_EQ(l.borrowed(), 0U);
      b.cancel();
    });
  });
}

TEST(CapacityLimiter, AWaiterCancelledInTheTurnItWasGivenATokenHasIt) {
  simulate([]() -> task<> {
    capacity_limiter l(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await l.acquire();
      auto first = g.spawn(l.acquire());
      auto second = g.spawn(l.acquire());
      auto third = g.spawn(l.acquire());
      co_await yield_now();
      second.cancel();  // leaves the line
      mine.release();
      first.cancel();
      auto o = co_await first.join();
      EXPECT_TRUE(o.has_value());
      EXPECT_TRUE((co_await second.join()).is_cancelled());
      o.value().release();
      const auto token = co_await third;
      EXPECT_EQ(l.borrowed(), 1U);
    });
    EXPECT_EQ(l.borrowed(), 0U);
  });
}

TEST(CapacityLimiter, ATokenMovesAndIsGivenBackOnce) {
  capacity_limiter l(2);
  auto a = l.try_acquire();
  auto b = l.try_acquire();
  ASSERT_TRUE(a && b);
  {
    capacity_limiter::token moved = std::move(*a);
    a.reset();
    EXPECT_EQ(l.borrowed(), 2U);
    moved = std::move(*b);
    EXPECT_EQ(l.borrowed(), 1U);
    b.reset();
    capacity_limiter::token& itself = moved;
    moved = std::move(itself);
    EXPECT_EQ(l.borrowed(), 1U);
    moved.release();
    moved.release();
    EXPECT_EQ(l.borrowed(), 0U);
  }
  EXPECT_EQ(l.borrowed(), 0U);
}

TEST(CapacityLimiter, AcquiringIsACancellationPointOnlyIfItWouldWait) {
  simulate([]() -> task<> {
    capacity_limiter l(1);
    bool had = false;
    cancel_scope scope;
    const auto body = [&]() -> task<> {
      scope.cancel();
      const auto token = co_await l.acquire();
      had = true;
      (void)co_await l.acquire();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await scope.run(body())).is_cancelled());
    EXPECT_TRUE(had);
    EXPECT_EQ(l.borrowed(), 0U);
  });
}

TEST(CapacityLimiter, IsCancelledAtEveryWait) {
  std::optional<capacity_limiter> l;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        l.emplace(1);
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 4; ++i)
            g.spawn([&]() -> task<> {
              const auto token = co_await l->acquire();
              co_await yield_now();
            });
          co_await yield_now();
          l->set_total(2);
          co_await yield_now();
          l->set_total(1);
        });
      },
      [&] { EXPECT_EQ(l->borrowed(), 0U); });
  EXPECT_EQ(n.at_rest, 10U);  // the group, its body's two yields, four yields, three who wait
  EXPECT_EQ(n.posted, 10U);
  EXPECT_EQ(n.at_wake, 16U);  // and six first steps
}

TEST(CapacityLimiterDeathTest, DestroyedWhileATaskWaitsForIt) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   capacity_limiter l(0);
                   g.spawn(l.acquire());
                   co_await yield_now();
                 });
               }),
               "rondo: a capacity_limiter was destroyed while a task waited for it");
}

TEST(CapacityLimiterDeathTest, DestroyedWhileATokenIsOnItsWayToATask) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   capacity_limiter l(0);
                   g.spawn(l.acquire());
                   co_await yield_now();
                   l.set_total(1);
                 });
               }),
               "rondo: a capacity_limiter was destroyed while a token of it was out");
}

}  // namespace
