#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

TEST(Event, WaitingOnASetEventDoesNotSuspend) {
  simulate([]() -> task<> {
    event e;
    EXPECT_FALSE(e.is_set());
    e.set();
    EXPECT_TRUE(e.is_set());
    const auto steps = this_loop().stats().steps;
    co_await e.wait();
    co_await e.wait();
    EXPECT_EQ(this_loop().stats().steps, steps);
  });
}

TEST(Event, SetReleasesEveryWaiterInTheOrderTheyCame) {
  simulate([]() -> task<> {
    event e;
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'd'; ++c)
        g.spawn([&, c]() -> task<> {
          co_await e.wait();
          log += c;
        });
      co_await yield_now();
      EXPECT_EQ(log, "");
      e.set();
      e.set();
      EXPECT_EQ(log, "");  // setting only wakes; nobody runs inside it
      co_await yield_now();
    });
    EXPECT_EQ(log, "abcd");
  });
}

TEST(Event, SetThenClearInOneTurnStillReleasesEveryoneWhoWaited) {
  simulate([]() -> task<> {
    event e;
    int released = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i)
        g.spawn([&]() -> task<> {
          co_await e.wait();
          ++released;
        });
      co_await yield_now();
      e.set();
      e.clear();
      EXPECT_FALSE(e.is_set());
      co_await yield_now();
      EXPECT_EQ(released, 3);
      EXPECT_FALSE(co_await try_for(1s, e.wait()));  // who comes later waits
    });
  });
}

TEST(Event, ACancelledWaiterLeavesTheLine) {
  simulate([]() -> task<> {
    event e;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto a = g.spawn(e.wait());
      auto b = g.spawn(e.wait());
      auto c = g.spawn(e.wait());
      co_await yield_now();
      b.cancel();
      e.set();
      EXPECT_TRUE((co_await a.join()).has_value());
      EXPECT_TRUE((co_await b.join()).is_cancelled());
      EXPECT_TRUE((co_await c.join()).has_value());
    });
  });
}

TEST(Event, AWaiterCancelledAfterSetInTheSameTurnHasItsResult) {
  simulate([]() -> task<> {
    event e;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(e.wait());
      co_await yield_now();
      e.set();
      h.cancel();
      EXPECT_TRUE((co_await h.join()).has_value());
    });
  });
}

TEST(Event, IsCancelledAtEveryWait) {
  int waiting = 0;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        waiting = 0;
        event e;
        struct counted {
          explicit counted(int& c) : count(c) { ++count; }
          counted(const counted&) = delete;
          counted& operator=(const counted&) = delete;
          ~counted() { --count; }
          int& count;
        };
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 3; ++i)
            g.spawn([&]() -> task<> {
              const counted here(waiting);
              co_await e.wait();
              co_await yield_now();
            });
          co_await yield_now();
          EXPECT_EQ(waiting, 3);
          e.set();
          e.clear();
        });
      },
      [&] { EXPECT_EQ(waiting, 0); });
  EXPECT_EQ(n.at_rest, 8U);  // the group, its body, three times the event, three times the yield
  EXPECT_EQ(n.posted, 8U);
  EXPECT_GT(n.at_wake, 8U);
}

}  // namespace
