#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

// Takes `n`, writes its name down, and holds them for a second.
task<> holds(semaphore& s, std::size_t n, char name, std::string& log) {
  const auto permit = co_await s.acquire(n);
  log += name;
  co_await sleep_for(1s);
}

TEST(Semaphore, TakingFreePermitsDoesNotSuspend) {
  simulate([]() -> task<> {
    semaphore s(3);
    const auto steps = this_loop().stats().steps;
    {
      const auto one = co_await s.acquire();
      const auto two = co_await s.acquire(2);
      EXPECT_EQ(s.available(), 0U);
      EXPECT_EQ(s.total(), 3U);
    }
    EXPECT_EQ(s.available(), 3U);
    EXPECT_EQ(this_loop().stats().steps, steps);
  });
}

TEST(Semaphore, NeverGivesOutMoreThanItHas) {
  simulate([]() -> task<> {
    semaphore s(3);
    int inside = 0;
    int most = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 20; ++i)
        g.spawn([&]() -> task<> {
          const auto permit = co_await s.acquire();
          most = std::max(most, ++inside);
          co_await sleep_for(1s);
          --inside;
        });
      co_return;
    });
    EXPECT_EQ(most, 3);
    EXPECT_EQ(s.available(), 3U);
  });
}

TEST(Semaphore, ServesThoseWhoWaitInTheOrderTheyCame) {
  simulate([]() -> task<> {
    semaphore s(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'f'; ++c) g.spawn(holds(s, 1, c, log));
      co_return;
    });
    EXPECT_EQ(log, "abcdef");
  });
}

TEST(Semaphore, WhoComesBackStandsInLineAgain) {
  simulate([]() -> task<> {
    semaphore s(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'c'; ++c)
        g.spawn([&, c]() -> task<> {
          for (int round = 0; round < 3; ++round) {
            const auto permit = co_await s.acquire();
            log += c;
            co_await sleep_for(1s);
          }
        });
      co_return;
    });
    EXPECT_EQ(log, "abcabcabc");
  });
}

TEST(Semaphore, AFewerCannotPassAMany) {
  simulate([]() -> task<> {
    semaphore s(3);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire(2);
      g.spawn(holds(s, 3, 'L', log));
      g.spawn(holds(s, 1, 's', log));
      co_await yield_now();
      EXPECT_EQ(log, "");  // one is free, and is kept for who is first in line
      EXPECT_FALSE(s.try_acquire());
      mine.release();
    });
    EXPECT_EQ(log, "Ls");
  });
}

TEST(Semaphore, ANewcomerNeverPassesAWaiter) {
  simulate([]() -> task<> {
    semaphore s(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire();
      g.spawn(holds(s, 1, 'w', log));
      co_await yield_now();
      mine.release();
      EXPECT_EQ(s.available(), 0U);  // it is in the waiter's hands
      EXPECT_FALSE(s.try_acquire());
      const auto permit = co_await s.acquire();
      log += 'n';
    });
    EXPECT_EQ(log, "wn");
  });
}

TEST(Semaphore, OneReleaseMayServeSeveral) {
  simulate([]() -> task<> {
    semaphore s(4);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire(4);
      g.spawn(holds(s, 1, 'a', log));
      g.spawn(holds(s, 2, 'b', log));
      g.spawn(holds(s, 2, 'c', log));
      g.spawn(holds(s, 1, 'd', log));
      co_await yield_now();
      mine.release();
      co_await yield_now();
      EXPECT_EQ(log, "ab");  // c is next and wants two; d does not pass it
      EXPECT_EQ(s.available(), 1U);
      co_await sleep_for(500ms);
    });
    EXPECT_EQ(log, "abcd");
  });
}

TEST(Semaphore, TryAcquireTakesWhatIsFreeAndNoMore) {
  semaphore s(3);
  auto two = s.try_acquire(2);
  ASSERT_TRUE(two);
  EXPECT_FALSE(s.try_acquire(2));
  EXPECT_TRUE(s.try_acquire(1));
  EXPECT_FALSE(s.try_acquire(4));
  two.reset();
  EXPECT_EQ(s.available(), 3U);
}

TEST(Semaphore, MorePermitsThanItHasAreAnInvalidArgument) {
  semaphore s(2);
  EXPECT_THROW((void)s.acquire(3), std::invalid_argument);
  EXPECT_THROW(semaphore(0), std::invalid_argument);
}

TEST(Semaphore, NoPermitsAreHadWhenItIsOnesTurn) {
  simulate([]() -> task<> {
    semaphore s(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire();
      const auto at_once = co_await s.acquire(0);
      g.spawn(holds(s, 1, 'a', log));
      g.spawn(holds(s, 0, '0', log));
      co_await yield_now();
      EXPECT_EQ(log, "");
      mine.release();
      co_await yield_now();
      EXPECT_EQ(log, "a0");
    });
    EXPECT_EQ(s.available(), 1U);
  });
}

TEST(Semaphore, APermitMovesAndIsGivenBackOnce) {
  semaphore s(3);
  auto a = s.try_acquire(1);
  auto b = s.try_acquire(2);
  ASSERT_TRUE(a && b);
  {
    semaphore::permit moved = std::move(*a);
    a.reset();
    EXPECT_EQ(s.available(), 0U);
    moved = std::move(*b);  // gives back the one, has the two
    EXPECT_EQ(s.available(), 1U);
    b.reset();
    semaphore::permit& itself = moved;
    moved = std::move(itself);
    EXPECT_EQ(s.available(), 1U);
    moved.release();
    moved.release();
    EXPECT_EQ(s.available(), 3U);
  }
  EXPECT_EQ(s.available(), 3U);
}

TEST(Semaphore, ACancelledWaiterLeavesTheLine) {
  simulate([]() -> task<> {
    semaphore s(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire();
      g.spawn(holds(s, 1, 'a', log));
      auto b = g.spawn(holds(s, 1, 'b', log));
      g.spawn(holds(s, 1, 'c', log));
      co_await yield_now();
      b.cancel();
      EXPECT_TRUE((co_await b.join()).is_cancelled());
      mine.release();
    });
    EXPECT_EQ(log, "ac");
    EXPECT_EQ(s.available(), 1U);
  });
}

TEST(Semaphore, ACancelledManyLetsTheFewerBehindItGoOn) {
  simulate([]() -> task<> {
    semaphore s(3);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire(1);
      auto large = g.spawn(holds(s, 3, 'L', log));
      g.spawn(holds(s, 1, 'a', log));
      g.spawn(holds(s, 1, 'b', log));
      g.spawn(holds(s, 1, 'c', log));
      co_await yield_now();
      EXPECT_EQ(log, "");
      large.cancel();
      co_await yield_now();
      EXPECT_EQ(log, "ab");  // as many as there are permits
      mine.release();
      co_await yield_now();
      EXPECT_EQ(log, "abc");
    });
    EXPECT_EQ(s.available(), 3U);
  });
}

TEST(Semaphore, ATimeLimitOnAManyLetsTheFewerBehindItGoOn) {
  simulate([]() -> task<> {
    semaphore s(2);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto mine = co_await s.acquire();
      g.spawn([&]() -> task<> { EXPECT_FALSE(co_await try_for(1s, s.acquire(2))); });
      g.spawn(holds(s, 1, 'a', log));
      co_await sleep_for(2s);
      EXPECT_EQ(log, "a");
    });
  });
}

TEST(Semaphore, AWaiterCancelledInTheTurnItWasGivenItsPermitHasIt) {
  simulate([]() -> task<> {
    semaphore s(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire();
      auto first = g.spawn(s.acquire());
      auto second = g.spawn(s.acquire());
      co_await yield_now();
      mine.release();
      first.cancel();
      auto o = co_await first.join();
      EXPECT_TRUE(o.has_value());
      EXPECT_FALSE(second.done());
      o.value().release();
      const auto permit = co_await second;
      EXPECT_EQ(s.available(), 0U);
    });
  });
}

TEST(Semaphore, APermitHandedToAWaiterThatThenStopsIsNotLost) {
  simulate([]() -> task<> {
    semaphore s(2);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire(2);
      auto first = g.spawn(holds(s, 2, 'a', log));
      g.spawn(holds(s, 2, 'b', log));
      co_await yield_now();
      mine.release();
      first.cancel();
      EXPECT_TRUE((co_await first.join()).is_cancelled());  // in its sleep
    });
    EXPECT_EQ(log, "ab");
    EXPECT_EQ(s.available(), 2U);
  });
}

TEST(Semaphore, AWaiterCancelledInTheTurnOfTheReleaseBeforeItLeavesItToTheNext) {
  simulate([]() -> task<> {
    semaphore s(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await s.acquire();
      auto first = g.spawn(s.acquire());
      auto second = g.spawn(s.acquire());
      co_await yield_now();
      first.cancel();
      mine.release();
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      const auto permit = co_await second;
    });
    EXPECT_EQ(s.available(), 1U);
  });
}

TEST(Semaphore, AllCancelledAtOnceWhileTheyServeOneAnother) {
  simulate([]() -> task<> {
    semaphore s(4);
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto mine = co_await s.acquire(1);
      for (int i = 0; i < 30; ++i)
        g.spawn([&, i]() -> task<> {
          const auto permit = co_await s.acquire(static_cast<std::size_t>(i % 4 + 1));
          co_await sleep_for(1s);
        });
      co_await yield_now();
      g.cancel();
    });
    EXPECT_EQ(s.available(), 4U);
  });
}

TEST(Semaphore, AcquiringIsACancellationPointOnlyIfItWouldWait) {
  simulate([]() -> task<> {
    semaphore s(1);
    bool had = false;
    cancel_scope scope;
    const auto body = [&]() -> task<> {
      scope.cancel();
      const auto permit = co_await s.acquire();
      had = true;
      (void)co_await s.acquire();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await scope.run(body())).is_cancelled());
    EXPECT_TRUE(had);
    EXPECT_EQ(s.available(), 1U);
  });
}

TEST(Semaphore, IsCancelledAtEveryWait) {
  std::optional<semaphore> s;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        s.emplace(2);
        co_await with_task_group([&](task_group& g) -> task<> {
          for (const std::size_t want : {1, 2, 1, 1})
            g.spawn([&, want]() -> task<> {
              const auto permit = co_await s->acquire(want);
              co_await yield_now();
            });
          co_return;
        });
      },
      [&] { EXPECT_EQ(s->available(), 2U); });
  EXPECT_EQ(n.at_rest,
            8U);  // the group, four yields, three who wait; the first has its permit at once
  EXPECT_EQ(n.posted, 8U);
  EXPECT_EQ(n.at_wake, 14U);  // and six first steps
}

TEST(SemaphoreDeathTest, DestroyedWhileATaskWaitsForIt) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   std::optional<semaphore> s(1);
                   const auto permit = co_await s->acquire();
                   g.spawn(s->acquire());
                   co_await yield_now();
                   s.reset();
                 });
               }),
               "rondo: a semaphore was destroyed while a task waited for it");
}

TEST(SemaphoreDeathTest, DestroyedWhileAPermitIsOnItsWayToATask) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   semaphore s(1);
                   auto permit = co_await s.acquire();
                   g.spawn(s.acquire());
                   co_await yield_now();
                   permit.release();
                 });
               }),
               "rondo: a semaphore was destroyed while a permit of it was out");
}

}  // namespace
