#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns/retry.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::simulate;

TEST(WaitUntilIdle, EndsWhenEveryOtherTaskHasComeToRestAndTimeHasNotMoved) {
  simulate([]() -> task<> {
    queue<int> q(1);
    std::string log;
    const auto begun = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 0; i < 200; ++i) co_await q.put(i);  // more than one turn's worth
        for (int i = 0; i < 200; ++i) co_await yield_now();
        log += "put ";
        co_await sleep_for(1ns);
        log += "slept ";
      });
      g.spawn([&]() -> task<> {
        for (int i = 0; i < 200; ++i) (void)co_await q.get();
        log += "got ";
        (void)co_await q.next();
      });
      co_await wait_until_idle();
      EXPECT_EQ(log, "got put ");
      EXPECT_EQ(this_loop().now(), begun);
      co_await wait_until_idle();
      EXPECT_EQ(this_loop().now(), begun);
      co_await sleep_for(1ns);
      co_await wait_until_idle();
      EXPECT_EQ(log, "got put slept ");
      q.close();
    });
  });
}

TEST(WaitUntilIdle, WhatIsDueAtThisInstantIsDoneFirst) {
  simulate([]() -> task<> {
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_until(this_loop().now());
        log += "slept ";
        this_loop().post([&] { log += "posted "; });
      });
      this_loop().call_later(0s, [&] { log += "called "; });
      co_await wait_until_idle();
      EXPECT_EQ(log, "called slept posted ");
    });
  });
}

TEST(WaitUntilIdle, SeveralDoNotWaitForEachOther) {
  simulate([]() -> task<> {
    int woken = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i)
        g.spawn([&]() -> task<> {
          co_await wait_until_idle();
          ++woken;
        });
      co_await wait_until_idle();
      co_await wait_until_idle();
      EXPECT_EQ(woken, 3);
    });
  });
}

TEST(WaitUntilIdle, OnAKernelReactorItSeesWhatIsReady) {
  for (const auto kind : {reactor_kind::epoll, reactor_kind::io_uring}) {
    if (!rondo_test::missing(kind).empty()) continue;
    rondo_test::run_on(kind, []() -> task<> {
      bool rested = false;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          for (int i = 0; i < 100; ++i) co_await yield_now();
          rested = true;
          co_await sleep_for(1h);
        });
        co_await wait_until_idle();
        EXPECT_TRUE(rested);
        g.cancel();
      });
    });
  }
}

TEST(WaitUntilIdle, IsCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor_kind::simulated, []() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      g.spawn([]() -> task<> { co_await wait_until_idle(); });
      g.spawn([]() -> task<> { co_await sleep_for(1s); });
      co_await wait_until_idle();
    });
  });
  EXPECT_GT(n.at_rest, 3U);
}

TEST(WaitUntilIdle, UnderAPendingCancellationItStops) {
  simulate([]() -> task<> {
    cancel_scope s;
    EXPECT_TRUE((co_await s.run([&]() -> task<> {
                  s.cancel();
                  co_await wait_until_idle();
                  ADD_FAILURE();
                })).is_cancelled());
  });
}

// What it is for: looking at something between two moments of virtual time.
TEST(WaitUntilIdle, ShowsARetryBetweenItsAttempts) {
  simulate([]() -> task<> {
    int attempts = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto again = retry().max_attempts(3).backoff(backoff::constant(10s));
      g.spawn([&]() -> task<> {
        (void)co_await again.run([&]() -> task<> {
          ++attempts;
          throw std::runtime_error("down");
          co_return;
        });
      });
      for (int n = 1; n <= 3; ++n) {
        co_await wait_until_idle();
        EXPECT_EQ(attempts, n);
        co_await sleep_for(10s);
      }
      EXPECT_EQ(g.size(), 0U);
    });
  });
}

}  // namespace
