#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

// A mutex, a condition, and tasks that wait for it and write down when they have been notified.
struct waiting_room {
  mutex m;
  condition c;
  std::string log;

  task<> wait(char name) {
    auto guard = co_await m.lock();
    co_await c.wait(guard);
    EXPECT_TRUE(guard.owns_lock());
    EXPECT_TRUE(m.is_locked());
    log += name;
  }
  // Says in which state the lock is when it is cancelled in wait().
  task<> wait_to_be_cancelled(char name) {
    auto guard = co_await m.lock();
    struct at_end {
      waiting_room& room;
      mutex::guard& guard;
      char name;
      ~at_end() {
        if (!is_unwinding()) return;
        EXPECT_TRUE(guard.owns_lock());
        EXPECT_TRUE(room.m.is_locked());
        room.log += name;
      }
    };
    const at_end end{*this, guard, name};
    co_await c.wait(guard);
    log += "notified";
  }
};

TEST(Condition, WaitGivesTheLockBackAndHoldsItAgainWhenNotified) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto waiter = g.spawn(r.wait('a'));
      co_await yield_now();
      EXPECT_FALSE(r.m.is_locked());
      {
        auto guard = co_await r.m.lock();
        r.c.notify();
        co_await sleep_for(1s);
        EXPECT_EQ(r.log, "");  // notified, and waits for the lock
        r.log += "unlock ";
      }
      co_await waiter;
    });
    EXPECT_EQ(r.log, "unlock a");
    EXPECT_FALSE(r.m.is_locked());
  });
}

TEST(Condition, WhoNotifiesNeedNotHoldTheLock) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto waiter = g.spawn(r.wait('a'));
      co_await yield_now();
      r.c.notify();
      EXPECT_TRUE(r.m.is_locked());  // in the hands of who was notified
      EXPECT_EQ(r.log, "");          // who runs in its turn
      co_await waiter;
    });
    EXPECT_EQ(r.log, "a");
  });
}

TEST(Condition, ANotificationThatNobodyWaitsForIsForgotten) {
  simulate([]() -> task<> {
    mutex m;
    condition c;
    c.notify();
    c.notify_all();
    auto guard = co_await m.lock();
    EXPECT_FALSE(co_await try_for(1s, c.wait(guard)));
    EXPECT_TRUE(guard.owns_lock());
  });
}

TEST(Condition, NotifiesThoseWhoHaveWaitedLongest) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'f'; ++c) g.spawn(r.wait(c));
      co_await sleep_for(1s);
      r.c.notify(0);
      co_await sleep_for(1s);
      EXPECT_EQ(r.log, "");
      r.c.notify();
      co_await sleep_for(1s);
      EXPECT_EQ(r.log, "a");
      r.c.notify(2);
      co_await sleep_for(1s);
      EXPECT_EQ(r.log, "abc");
      r.c.notify(100);
      co_await sleep_for(1s);
      EXPECT_EQ(r.log, "abcdef");
    });
  });
}

TEST(Condition, NotifyAllReleasesEveryoneInTheOrderTheyCame) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'f'; ++c) g.spawn(r.wait(c));
      co_await sleep_for(1s);
      r.c.notify_all();
      auto late = g.spawn(r.wait('z'));
      co_await sleep_for(1s);
      EXPECT_EQ(r.log, "abcdef");  // not who came later
      late.cancel();
    });
  });
}

TEST(Condition, WhoIsNotifiedStandsInTheMutexsLineBehindThoseWhoCameBefore) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(r.wait('w'));
      co_await yield_now();
      auto guard = co_await r.m.lock();
      const auto locks = [&](char c) -> task<> {
        const auto theirs = co_await r.m.lock();
        r.log += c;
      };
      g.spawn(locks, '1');
      co_await yield_now();
      r.c.notify();
      g.spawn(locks, '2');
      co_await yield_now();
    });
    EXPECT_EQ(r.log, "1w2");
  });
}

TEST(Condition, ALoopOverAPredicateEndsWhenItHolds) {
  simulate([]() -> task<> {
    mutex m;
    condition c;
    int value = 0;
    int looked = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        auto guard = co_await m.lock();
        while (value < 3) {
          ++looked;
          co_await c.wait(guard);
        }
      });
      for (int i = 0; i < 3; ++i) {
        co_await sleep_for(1s);
        const auto guard = co_await m.lock();
        ++value;
        c.notify();
      }
    });
    EXPECT_EQ(looked, 3);
  });
}

TEST(Condition, WithoutTheLockIsALogicError) {
  simulate([]() -> task<> {
    mutex m;
    condition c;
    auto guard = co_await m.lock();
    guard.unlock();
    EXPECT_THROW(co_await c.wait(guard), std::logic_error);
    auto moved_to = co_await m.lock();
    mutex::guard empty = std::move(moved_to);
    EXPECT_THROW(co_await c.wait(moved_to), std::logic_error);  // NOLINT(bugprone-use-after-move)
  });
}

TEST(Condition, TheSameWaitAwaitedAgainWithoutTheLockIsALogicErrorToo) {
  simulate([]() -> task<> {
    mutex m;
    condition c;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        auto guard = co_await m.lock();
        auto wait = c.wait(guard);
        co_await wait;
        co_await wait;
        guard.unlock();
        EXPECT_THROW(co_await wait, std::logic_error);
      });
      for (int i = 0; i < 2; ++i) {
        co_await sleep_for(1s);
        c.notify();
      }
    });
  });
}

TEST(Condition, ServesWaitersWithDifferentMutexes) {
  simulate([]() -> task<> {
    mutex a;
    mutex b;
    condition c;
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto waits = [&](mutex* m, char name) -> task<> {
        auto guard = co_await m->lock();
        co_await c.wait(guard);
        log += name;
      };
      g.spawn(waits, &a, 'a');
      g.spawn(waits, &b, 'b');
      co_await yield_now();
      auto held = co_await a.lock();
      c.notify_all();
      co_await sleep_for(1s);
      EXPECT_EQ(log, "b");
      held.unlock();
    });
    EXPECT_EQ(log, "ba");
  });
}

TEST(Condition, ACancelledWaiterEndsWhenItHasTheLockAndNotBefore) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto waiter = g.spawn(r.wait_to_be_cancelled('x'));
      co_await yield_now();
      auto guard = co_await r.m.lock();
      waiter.cancel();
      co_await sleep_for(1s);
      EXPECT_FALSE(waiter.done());
      r.log += "unlock ";
      guard.unlock();
      EXPECT_TRUE((co_await waiter.join()).is_cancelled());
    });
    EXPECT_EQ(r.log, "unlock x");
    EXPECT_FALSE(r.m.is_locked());
  });
}

TEST(Condition, ACancelledWaiterOfAFreeMutexEndsAtOnceWithTheLock) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto waiter = g.spawn(r.wait_to_be_cancelled('x'));
      co_await yield_now();
      waiter.cancel();
      EXPECT_TRUE(r.m.is_locked());
      EXPECT_TRUE((co_await waiter.join()).is_cancelled());
    });
    EXPECT_EQ(r.log, "x");
  });
}

TEST(Condition, AWaitUnderAPendingCancellationStopsWithoutLettingGoOfTheLock) {
  simulate([]() -> task<> {
    mutex m;
    condition c;
    bool was_locked = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto waiter = g.spawn([&]() -> task<> {
        auto guard = co_await m.lock();
        struct at_end {
          mutex::guard& guard;
          bool& was_locked;
          ~at_end() { was_locked = guard.owns_lock(); }
        };
        const at_end end{guard, was_locked};
        g.cancel();
        co_await c.wait(guard);
        ADD_FAILURE();
      });
      auto other = g.spawn(m.lock());
      EXPECT_TRUE((co_await waiter.join()).is_cancelled());
      ADD_FAILURE();  // the body is cancelled too
    });
    EXPECT_TRUE(was_locked);
    EXPECT_FALSE(m.is_locked());
  });
}

TEST(Condition, ANotificationAfterACancellationGoesToTheNext) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(r.wait_to_be_cancelled('x'));
      auto second = g.spawn(r.wait('b'));
      co_await yield_now();
      auto guard = co_await r.m.lock();
      first.cancel();
      r.c.notify();  // in the same turn; `first` stands in the mutex's line and needs none
      guard.unlock();
      co_await second;
      EXPECT_TRUE((co_await first.join()).is_cancelled());
    });
    EXPECT_EQ(r.log, "xb");
  });
}

TEST(Condition, ANotificationGivenToAWaiterCancelledBeforeItHasTheLockMovesOn) {
  for (const bool same_turn : {true, false})
    simulate([&]() -> task<> {
      waiting_room r;
      co_await with_task_group([&](task_group& g) -> task<> {
        auto first = g.spawn(r.wait_to_be_cancelled('x'));
        auto second = g.spawn(r.wait('b'));
        auto third = g.spawn(r.wait('c'));
        co_await yield_now();
        auto guard = co_await r.m.lock();
        r.c.notify();
        if (!same_turn) co_await sleep_for(1s);
        first.cancel();
        guard.unlock();
        co_await second;
        EXPECT_TRUE((co_await first.join()).is_cancelled());
        co_await sleep_for(1s);
        EXPECT_FALSE(third.done());  // it moved on once
        third.cancel();
      });
      EXPECT_EQ(r.log, "xb");
    });
}

TEST(Condition, ANotificationMovesOnPastSeveralThatAreCancelled) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto a = g.spawn(r.wait_to_be_cancelled('x'));
      auto b = g.spawn(r.wait_to_be_cancelled('y'));
      auto c = g.spawn(r.wait('c'));
      co_await yield_now();
      auto guard = co_await r.m.lock();
      r.c.notify();
      a.cancel();
      b.cancel();
      guard.unlock();
      co_await c;
    });
    EXPECT_EQ(r.log, "xyc");
  });
}

TEST(Condition, OfTwoNotificationsTheOneOfTheCancelledMovesOn) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(r.wait('a'));
      auto b = g.spawn(r.wait_to_be_cancelled('x'));
      g.spawn(r.wait('c'));
      auto last = g.spawn(r.wait('d'));
      co_await yield_now();
      auto guard = co_await r.m.lock();
      r.c.notify(2);
      b.cancel();
      guard.unlock();
      co_await sleep_for(1s);
      EXPECT_EQ(r.log, "axc");
      last.cancel();
    });
  });
}

TEST(Condition, AWaiterCancelledInTheTurnItHasTheLockAgainHasBeenNotified) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(r.wait('a'));
      auto second = g.spawn(r.wait('b'));
      co_await yield_now();
      r.c.notify();  // nobody holds the lock: `first` has it now
      first.cancel();
      EXPECT_TRUE((co_await first.join()).has_value());
      co_await sleep_for(1s);
      EXPECT_FALSE(second.done());  // so nothing moves on
      second.cancel();
    });
    EXPECT_EQ(r.log, "a");
  });
}

TEST(Condition, EveryoneNotifiedAndCancelledAtOnceEndsWithTheLockOneByOne) {
  simulate([]() -> task<> {
    waiting_room r;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'c'; ++c) g.spawn(r.wait_to_be_cancelled(c));
      co_await yield_now();
      auto guard = co_await r.m.lock();
      r.c.notify(2);
      g.cancel();
      guard.unlock();
    });
    EXPECT_EQ(r.log, "abc");
    EXPECT_FALSE(r.m.is_locked());
  });
}

TEST(Condition, ATimeLimitEndsWithTheLockHeldAgain) {
  simulate([]() -> task<> {
    mutex m;
    condition c;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto guard = co_await m.lock();
      g.spawn([&]() -> task<> {
        const auto theirs = co_await m.lock();
        co_await sleep_for(5s);
      });
      const auto start = this_loop().now();
      EXPECT_FALSE(co_await try_for(1s, c.wait(guard)));
      EXPECT_EQ(this_loop().now() - start, 5s);  // late: it had to wait for the lock
      EXPECT_TRUE(guard.owns_lock());
    });
  });
}

TEST(Condition, MayGoWhenEveryoneWhoWaitedHasBeenNotified) {
  simulate([]() -> task<> {
    mutex m;
    auto c = std::make_unique<condition>();
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto waits = [&](char name) -> task<> {
        auto guard = co_await m.lock();
        co_await c->wait(guard);
        log += name;
      };
      g.spawn(waits, 'a');
      auto cancelled = g.spawn(waits, 'b');
      g.spawn(waits, 'c');
      co_await yield_now();
      auto guard = co_await m.lock();
      c->notify_all();
      c.reset();
      cancelled.cancel();  // nobody is left to whom its notification could move on
    });
    EXPECT_EQ(log, "ac");
  });
}

TEST(Condition, IsCancelledAtEveryWait) {
  std::optional<mutex> m;
  std::optional<condition> c;
  int items = 0;
  int taken = 0;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        c.emplace();
        m.emplace();
        items = taken = 0;
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 2; ++i)
            g.spawn([&]() -> task<> {
              auto guard = co_await m->lock();
              while (items == 0) co_await c->wait(guard);
              --items;
              ++taken;
            });
          g.spawn([&]() -> task<> {
            for (int i = 0; i < 2; ++i) {
              auto guard = co_await m->lock();
              ++items;
              c->notify();
              co_await yield_now();  // who was notified waits for the lock meanwhile
            }
          });
          co_return;
        });
      },
      [&](outcome<void>& o) {
        EXPECT_FALSE(m->is_locked());
        EXPECT_GE(items, 0);
        if (o.has_value()) EXPECT_EQ(taken, 2);
      });
  // The group; the two who wait; the yields of who notifies (2) and its second lock, which stands
  // behind the first one notified.
  EXPECT_EQ(n.at_rest, 6U);
  EXPECT_EQ(n.posted, n.at_rest);
  EXPECT_EQ(n.at_wake, 11U);  // and five first steps: the scenario, the body, three children
}

TEST(ConditionDeathTest, DestroyedWhileATaskWaitsForIt) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 mutex m;
                 co_await with_task_group([&](task_group& g) -> task<> {
                   condition c;
                   g.spawn([&]() -> task<> {
                     auto guard = co_await m.lock();
                     co_await c.wait(guard);
                   });
                   co_await yield_now();
                 });
               }),
               "rondo: a condition was destroyed while a task waited for it");
}

}  // namespace
