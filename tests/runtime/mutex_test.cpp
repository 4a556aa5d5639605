#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

TEST(Mutex, LockingAFreeMutexDoesNotSuspend) {
  simulate([]() -> task<> {
    mutex m;
    EXPECT_FALSE(m.is_locked());
    const auto steps = this_loop().stats().steps;
    {
      const auto guard = co_await m.lock();
      EXPECT_TRUE(guard.owns_lock());
      EXPECT_TRUE(m.is_locked());
    }
    EXPECT_FALSE(m.is_locked());
    EXPECT_EQ(this_loop().stats().steps, steps);
  });
}

TEST(Mutex, GoesFromHandToHandInTheOrderTheyCame) {
  simulate([]() -> task<> {
    mutex m;
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'd'; ++c)
        g.spawn([&, c]() -> task<> {
          const auto guard = co_await m.lock();
          log += c;
          co_await sleep_for(1s);
          log += c;
        });
      co_return;
    });
    EXPECT_EQ(log, "aabbccdd");
    EXPECT_FALSE(m.is_locked());
  });
}

TEST(Mutex, ANewcomerNeverPassesAWaiter) {
  simulate([]() -> task<> {
    mutex m;
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await m.lock();
      g.spawn([&]() -> task<> {
        const auto guard = co_await m.lock();
        log += "waiter ";
      });
      co_await yield_now();
      mine.unlock();
      EXPECT_TRUE(m.is_locked());  // it is in the waiter's hands, who has not resumed yet
      EXPECT_FALSE(m.try_lock());
      const auto guard = co_await m.lock();
      log += "newcomer";
    });
    EXPECT_EQ(log, "waiter newcomer");
  });
}

TEST(Mutex, TryLockTakesAFreeMutexOnly) {
  mutex m;
  {
    std::optional<mutex::guard> first = m.try_lock();
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->owns_lock());
    EXPECT_FALSE(m.try_lock());
  }
  EXPECT_TRUE(m.try_lock());
}

TEST(Mutex, MovingAGuardMovesTheLock) {
  mutex m;
  std::optional<mutex::guard> first = m.try_lock();
  ASSERT_TRUE(first);
  {
    mutex::guard second = std::move(*first);
    EXPECT_TRUE(second.owns_lock());
    EXPECT_FALSE(first->owns_lock());
    first.reset();
    EXPECT_TRUE(m.is_locked());
  }
  EXPECT_FALSE(m.is_locked());
}

TEST(Mutex, AssigningAGuardGivesBackWhatItHeld) {
  mutex a;
  mutex b;
  std::optional<mutex::guard> of_a = a.try_lock();
  std::optional<mutex::guard> of_b = b.try_lock();
  ASSERT_TRUE(of_a && of_b);
  *of_a = std::move(*of_b);
  EXPECT_FALSE(a.is_locked());
  EXPECT_TRUE(b.is_locked());
  mutex::guard& itself = *of_a;
  *of_a = std::move(itself);
  EXPECT_TRUE(of_a->owns_lock());
  of_a.reset();
  EXPECT_FALSE(b.is_locked());
}

TEST(Mutex, UnlockingBeforeItsTimeHappensOnce) {
  mutex m;
  std::optional<mutex::guard> guard = m.try_lock();
  ASSERT_TRUE(guard);
  guard->unlock();
  EXPECT_FALSE(guard->owns_lock());
  EXPECT_FALSE(m.is_locked());
  const auto another = m.try_lock();
  ASSERT_TRUE(another);
  guard->unlock();
  guard.reset();
  EXPECT_TRUE(m.is_locked());
}

TEST(Mutex, IsUnlockedByAnExceptionThatPasses) {
  simulate([]() -> task<> {
    mutex m;
    const auto fails = [&]() -> task<> {
      const auto guard = co_await m.lock();
      throw std::runtime_error("while locked");
    };
    EXPECT_THROW(co_await fails(), std::runtime_error);
    EXPECT_FALSE(m.is_locked());
  });
}

TEST(Mutex, ACancelledWaiterLeavesTheLine) {
  simulate([]() -> task<> {
    mutex m;
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await m.lock();
      const auto locks = [&](char c) -> task<> {
        const auto guard = co_await m.lock();
        log += c;
      };
      auto a = g.spawn(locks, 'a');
      auto b = g.spawn(locks, 'b');
      auto c = g.spawn(locks, 'c');
      co_await yield_now();
      b.cancel();
      co_await sleep_for(1s);
      EXPECT_TRUE(b.done());  // it does not wait for the lock
      mine.unlock();
      co_await a;
      co_await c;
    });
    EXPECT_EQ(log, "ac");
  });
}

// asyncio's test_cancel_race and test_cancel_release_race.
TEST(Mutex, AWaiterCancelledInTheTurnOfTheUnlockBeforeItLeavesTheLockToTheNext) {
  simulate([]() -> task<> {
    mutex m;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await m.lock();
      auto first = g.spawn(m.lock());
      auto second = g.spawn(m.lock());
      co_await yield_now();
      first.cancel();
      mine.unlock();
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      EXPECT_TRUE((co_await second).owns_lock());
    });
    EXPECT_FALSE(m.is_locked());
  });
}

TEST(Mutex, AWaiterCancelledInTheTurnItWasGivenTheLockHasItAndHandsItOn) {
  simulate([]() -> task<> {
    mutex m;
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await m.lock();
      const auto locks = [&](char c) -> task<> {
        const auto guard = co_await m.lock();
        log += c;
        co_await yield_now();
        log += "after";
      };
      auto first = g.spawn(locks, 'a');
      auto second = g.spawn(locks, 'b');
      co_await yield_now();
      mine.unlock();
      first.cancel();
      EXPECT_TRUE(
          (co_await first.join()).is_cancelled());  // at its next wait, with the lock in its hands
      co_await second;
    });
    EXPECT_EQ(log, "abafter");
  });
}

TEST(Mutex, AHolderThatIsCancelledGivesItBack) {
  simulate([]() -> task<> {
    mutex m;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto holder = g.spawn([&]() -> task<> {
        const auto guard = co_await m.lock();
        co_await sleep_for(1h);
      });
      co_await yield_now();
      auto waiter = g.spawn(m.lock());
      co_await yield_now();
      holder.cancel();
      EXPECT_TRUE((co_await waiter).owns_lock());
    });
  });
}

TEST(Mutex, LockingIsACancellationPointOnlyIfItWouldWait) {
  simulate([]() -> task<> {
    mutex free;
    mutex taken;
    auto mine = co_await taken.lock();
    bool locked = false;
    cancel_scope s;
    const auto body = [&]() -> task<> {
      s.cancel();
      const auto guard = co_await free.lock();
      locked = true;
      (void)co_await taken.lock();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_TRUE(locked);
    EXPECT_FALSE(free.is_locked());
  });
}

TEST(Mutex, WaitingCanBeLimitedInTime) {
  simulate([]() -> task<> {
    mutex m;
    auto mine = co_await m.lock();
    EXPECT_FALSE(co_await try_for(1s, m.lock()));
    mine.unlock();
    EXPECT_TRUE(co_await try_for(1s, m.lock()));
    EXPECT_FALSE(m.is_locked());
  });
}

TEST(Mutex, LockingWithoutEndLetsOthersRun) {
  simulate([]() -> task<> {
    mutex m;
    bool other_ran = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        other_ran = true;
        co_return;
      });
      for (int i = 0; i < 1000 && !other_ran; ++i) const auto guard = co_await m.lock();
      EXPECT_TRUE(other_ran);
    });
  });
}

TEST(Mutex, KeepsOthersOutAcrossAwaits) {
  simulate([]() -> task<> {
    mutex m;
    int inside = 0;
    int entered = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 50; ++i)
        g.spawn([&, i]() -> task<> {
          for (int round = 0; round < 10; ++round) {
            const auto guard = co_await m.lock();
            EXPECT_EQ(inside++, 0);
            ++entered;
            if ((i + round) % 3 != 0) co_await sleep_for(std::chrono::nanoseconds(i % 4));
            --inside;
          }
        });
      co_return;
    });
    EXPECT_EQ(entered, 500);
  });
}

TEST(Mutex, IsCancelledAtEveryWait) {
  std::optional<mutex> m;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        m.emplace();
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 3; ++i)
            g.spawn([&]() -> task<> {
              const auto guard = co_await m->lock();
              co_await yield_now();
            });
          co_return;
        });
      },
      [&] { EXPECT_FALSE(m->is_locked()); });
  EXPECT_EQ(n.at_rest, 6U);  // the group, three yields, the lock twice: the first has it at once
  EXPECT_EQ(n.posted, 6U);
  EXPECT_EQ(n.at_wake,
            11U);  // the same and five first steps: the scenario, the body and three children
}

TEST(MutexDeathTest, DestroyedWhileItIsLocked) {
  EXPECT_DEATH(
      {
        std::optional<mutex> m(std::in_place);
        const auto guard = m->try_lock();
        m.reset();
      },
      "rondo: a mutex was destroyed while it was locked");
}

TEST(MutexDeathTest, DestroyedWhileATaskWaitsForIt) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   mutex m;
                   auto guard = co_await m.lock();
                   g.spawn(m.lock());
                   co_await yield_now();
                   guard.unlock();  // into the hands of the one who waits
                 });
               }),
               "rondo: a mutex was destroyed while it was locked");
}

}  // namespace
