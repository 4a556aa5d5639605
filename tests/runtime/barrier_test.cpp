#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

TEST(Barrier, ForNobodyIsRefused) { EXPECT_THROW(barrier(0), std::invalid_argument); }

TEST(Barrier, ForOneLetsItPassWithoutSuspending) {
  simulate([]() -> task<> {
    barrier b(1);
    const auto steps = this_loop().stats().steps;
    EXPECT_EQ(co_await b.arrive_and_wait(), 0U);
    EXPECT_EQ(co_await b.arrive_and_wait(), 0U);
    EXPECT_EQ(this_loop().stats().steps, steps);
    EXPECT_EQ(b.waiting(), 0U);
  });
}

TEST(Barrier, HoldsEveryoneUntilTheLastHasCome) {
  simulate([]() -> task<> {
    barrier b(3);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'b'; ++c)
        g.spawn([&, c]() -> task<> {
          co_await b.arrive_and_wait();
          log += c;
        });
      co_await sleep_for(1s);
      EXPECT_EQ(log, "");
      EXPECT_EQ(b.parties(), 3U);
      EXPECT_EQ(b.waiting(), 2U);
      co_await b.arrive_and_wait();
      log += "last ";  // goes on at once
      EXPECT_EQ(b.waiting(), 0U);
    });
    EXPECT_EQ(log, "last ab");
  });
}

TEST(Barrier, GivesEachItsPlaceInTheOrderOfArrival) {
  simulate([]() -> task<> {
    barrier b(4);
    std::vector<std::size_t> places(4);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::size_t i = 0; i < 4; ++i)
        g.spawn([&, i]() -> task<> { places[i] = co_await b.arrive_and_wait(); });
      co_return;
    });
    EXPECT_EQ(places, (std::vector<std::size_t>{0, 1, 2, 3}));
  });
}

TEST(Barrier, IsThereAgainForTheNextRound) {
  simulate([]() -> task<> {
    barrier b(3);
    std::vector<int> rounds(3);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::size_t i = 0; i < 3; ++i)
        g.spawn([&, i]() -> task<> {
          for (int round = 0; round < 20; ++round) {
            co_await sleep_for(
                std::chrono::seconds((i * 7 + static_cast<std::size_t>(round) * 3) % 5));
            co_await b.arrive_and_wait();
            ++rounds[i];
            for (const int r : rounds) EXPECT_NEAR(r, rounds[i], 1);
          }
        });
      co_return;
    });
    EXPECT_EQ(rounds, (std::vector<int>{20, 20, 20}));
  });
}

TEST(Barrier, WhoComesBackInTheSameTurnWaitsForTheNextRound) {
  simulate([]() -> task<> {
    barrier b(2);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await b.arrive_and_wait();
        log += "a1 ";
        co_await b.arrive_and_wait();
        log += "a2 ";
      });
      co_await yield_now();
      co_await b.arrive_and_wait();
      log += "b1 ";
      co_await b.arrive_and_wait();  // `a` has been released, and has not resumed yet
      log += "b2 ";
    });
    EXPECT_EQ(log, "b1 a1 a2 b2 ");
  });
}

TEST(Barrier, MoreThanItIsForWaitForTheNextRound) {
  simulate([]() -> task<> {
    barrier b(2);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'e'; ++c)
        g.spawn([&, c]() -> task<> {
          co_await b.arrive_and_wait();
          log += c;
        });
      co_await sleep_for(1s);
      EXPECT_EQ(log, "bdac");  // b and d, who came last, did not wait
      EXPECT_EQ(b.waiting(), 1U);
      EXPECT_EQ(co_await b.arrive_and_wait(), 1U);
    });
    EXPECT_EQ(log, "bdace");
  });
}

TEST(Barrier, ACancelledArrivalIsTakenBack) {
  simulate([]() -> task<> {
    barrier b(3);
    std::vector<std::size_t> places;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto arrives = [&]() -> task<> { places.push_back(co_await b.arrive_and_wait()); };
      auto first = g.spawn(arrives);
      g.spawn(arrives);
      co_await yield_now();
      first.cancel();
      EXPECT_EQ(b.waiting(), 1U);
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      g.spawn(arrives);
      co_await sleep_for(1s);
      EXPECT_TRUE(places.empty());  // two are there, the barrier is for three
      g.spawn(arrives);
      co_await sleep_for(1s);
      EXPECT_EQ(places, (std::vector<std::size_t>{2, 0, 1}));  // the last went on first
    });
  });
}

TEST(Barrier, AnArrivalCancelledInTheTurnTheLastHasComeHasPassed) {
  simulate([]() -> task<> {
    barrier b(3);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto a = g.spawn(b.arrive_and_wait());
      auto c = g.spawn(b.arrive_and_wait());
      co_await yield_now();
      co_await b.arrive_and_wait();
      a.cancel();
      EXPECT_EQ((co_await a.join()).value(), 0U);
      EXPECT_EQ(co_await c, 1U);
    });
  });
}

TEST(Barrier, AnArrivalCancelledInTheTurnBeforeTheLastComesLetsNobodyPass) {
  simulate([]() -> task<> {
    barrier b(3);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto a = g.spawn(b.arrive_and_wait());
      auto c = g.spawn(b.arrive_and_wait());
      co_await yield_now();
      a.cancel();
      EXPECT_FALSE(co_await try_for(1s, b.arrive_and_wait()));
      EXPECT_EQ(b.waiting(), 1U);
      EXPECT_FALSE(c.done());
      c.cancel();
    });
    EXPECT_EQ(b.waiting(), 0U);
  });
}

TEST(Barrier, ArrivingIsACancellationPointOnlyIfItWouldWait) {
  simulate([]() -> task<> {
    barrier one(1);
    barrier two(2);
    bool passed = false;
    cancel_scope s;
    const auto body = [&]() -> task<> {
      s.cancel();
      co_await one.arrive_and_wait();
      passed = true;
      co_await two.arrive_and_wait();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_TRUE(passed);
    EXPECT_EQ(two.waiting(), 0U);  // it did not arrive
  });
}

TEST(Barrier, IsCancelledAtEveryWait) {
  std::optional<barrier> b;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        b.emplace(3);
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 3; ++i)
            g.spawn([&]() -> task<> {
              for (int round = 0; round < 2; ++round) co_await b->arrive_and_wait();
            });
          co_return;
        });
      },
      [&] { EXPECT_EQ(b->waiting(), 0U); });
  EXPECT_EQ(n.at_rest, 5U);  // the group, and two who wait in each of two rounds
  EXPECT_EQ(n.posted, 5U);
  EXPECT_EQ(n.at_wake, 10U);  // and five first steps
}

TEST(BarrierDeathTest, DestroyedWhileATaskWaitsAtIt) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   barrier b(2);
                   g.spawn(b.arrive_and_wait());
                   co_await yield_now();
                 });
               }),
               "rondo: a barrier was destroyed while a task waited at it");
}

}  // namespace
