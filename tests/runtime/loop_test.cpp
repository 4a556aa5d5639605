#include "support/conformance.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

TEST(Yield, LetsEveryOtherReadyTaskTakeItsTurn) {
  simulate([]() -> task<> {
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'c'; ++c)
        g.spawn([&, c]() -> task<> {
          for (int i = 0; i < 3; ++i) {
            log += c;
            co_await yield_now();
          }
        });
      co_return;
    });
    EXPECT_EQ(log, "abcabcabc");
  });
}

TEST(Yield, IsACancellationPoint) {
  simulate([]() -> task<> {
    cancel_scope s;
    const auto body = [&]() -> task<> {
      s.cancel();
      co_await yield_now();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
  });
}

TEST(Yield, DoesNotStarveTimersAndPosts) {
  rondo_test::run_on(reactor_kind::epoll, []() -> task<> {
    bool posted = false;
    this_loop().post([&] { posted = true; });
    co_await with_task_group([&](task_group& g) -> task<> {
      auto spinning = g.spawn([]() -> task<> {
        for (;;) co_await yield_now();
      });
      co_await sleep_for(1ms);
      EXPECT_TRUE(posted);
      spinning.cancel();
    });
  });
}

// --- the budget of awaits that finish at once ----------------------------------------------------

task<> ready() { co_return; }

// A loop of ready awaits, of each kind.
template <class Await>
void cannot_starve(Await await) {
  simulate([&]() -> task<> {
    bool other = false;
    int rounds = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        other = true;
        co_return;
      });
      while (!other && rounds < 10'000) {
        co_await await();
        ++rounds;
      }
    });
    EXPECT_LE(rounds, 64);
  });
}

// Cancelled when it is awake, so that nothing is waiting to be told.
template <class Await>
void cannot_outlive_its_cancellation(Await await) {
  simulate([&]() -> task<> {
    cancel_scope s;
    int rounds = 0;
    const auto body = [&]() -> task<> {
      s.cancel();
      while (rounds < 10'000) {
        co_await await();
        ++rounds;
      }
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_LE(rounds, 64);
  });
}

TEST(Budget, ReadyTasksCannotStarveOthers) {
  cannot_starve([] { return ready(); });
}

TEST(Budget, ASetEventCannotStarveOthers) {
  event e;
  e.set();
  cannot_starve([&] { return e.wait(); });
}

TEST(Budget, AFullQueueCannotStarveOthers) {
  queue<int> q(unbounded);
  for (int i = 0; i < 20'000; ++i) q.try_put(i);
  cannot_starve([&] { return q.get(); });
}

TEST(Budget, AnEmptyQueueCannotStarveOthers) {
  queue<int> q(unbounded);
  cannot_starve([&] { return q.put(1); });
}

TEST(Budget, ReadyTasksCannotOutliveTheirCancellation) {
  cannot_outlive_its_cancellation([] { return ready(); });
}

TEST(Budget, ASetEventCannotOutliveItsCancellation) {
  event e;
  e.set();
  cannot_outlive_its_cancellation([&] { return e.wait(); });
}

TEST(Budget, AQueueCannotOutliveItsCancellation) {
  queue<int> q(unbounded);
  cannot_outlive_its_cancellation([&] { return q.put(1); });
}

TEST(Budget, ATimeoutThatDoesNotStartCannotOutliveItsCancellation) {
  cannot_outlive_its_cancellation([] { return try_for(0s, ready()); });
}

TEST(Budget, IsSixtyFourAwaits) {
  simulate([]() -> task<> {
    event e;
    e.set();
    co_await yield_now();
    const auto steps = this_loop().stats().steps;
    for (int i = 0; i < 64; ++i) co_await e.wait();
    EXPECT_EQ(this_loop().stats().steps, steps);
    co_await e.wait();
    EXPECT_EQ(this_loop().stats().steps, steps + 1);
  });
}

TEST(Budget, WhenItIsSpentTheAwaitYieldsBeforeItTries) {
  simulate([]() -> task<> {
    queue<int> q(100);
    for (int i = 0; i < 65; ++i) EXPECT_TRUE(q.try_put(i));
    co_await with_task_group([&](task_group& g) -> task<> {
      co_await yield_now();
      std::size_t seen = 100;
      auto other = g.spawn([&]() -> task<> {
        seen = q.size();
        co_return;
      });
      for (int i = 0; i < 65; ++i) (void)co_await q.get();
      EXPECT_EQ(seen, 1U);
      co_await other;
    });
  });
}

TEST(Budget, AYieldBetweenTwoTasksOfAChainIsACancellationPoint) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      int awaited = 0;
      auto h = g.spawn([](int& n) -> task<> {
        for (;;) {
          co_await ready();
          ++n;
        }
      }(awaited));
      co_await yield_now();
      EXPECT_EQ(awaited, 64);  // in its first step
      h.cancel();
      EXPECT_TRUE((co_await h.join()).is_cancelled());
      EXPECT_EQ(awaited, 64);
    });
  });
}

// --- the clock -----------------------------------------------------------------------------------

TEST(Loop, NowStandsStillInAStepAndGoesOnWithoutTimers) {
  rondo_test::run_on(reactor_kind::epoll, []() -> task<> {
    const auto start = this_loop().now();
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) {
    }
    EXPECT_EQ(this_loop().now(), start);  // cached
    int turns = 0;
    while (this_loop().now() < until && ++turns < 1'000'000) co_await yield_now();
    EXPECT_GE(this_loop().now(), until);
  });
}

TEST(Loop, NowIsNeverAheadOfTheClock) {
  rondo_test::run_on(reactor_kind::epoll, []() -> task<> {
    for (int i = 0; i < 100; ++i) {
      const auto before = this_loop().now();
      EXPECT_LE(before, std::chrono::steady_clock::now());
      co_await sleep_for(i * 1us);
      EXPECT_GE(this_loop().now(), before);
    }
  });
}

TEST(Loop, StatsCount) {
  simulate([]() -> task<> {
    const loop_stats before = this_loop().stats();
    for (int i = 0; i < 5; ++i) co_await sleep_for(1ms);
    const loop_stats after = this_loop().stats();
    EXPECT_EQ(after.steps, before.steps + 5);
    EXPECT_GE(after.turns, before.turns + 5);
    EXPECT_EQ(after.submissions, before.submissions);
  });
}

}  // namespace
