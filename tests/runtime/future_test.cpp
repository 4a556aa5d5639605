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

TEST(Future, GivesAValueThatWasSetBeforeWithoutSuspending) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<int>();
    EXPECT_FALSE(f.is_ready());
    p.set_value(7);
    EXPECT_TRUE(f.is_ready());
    const auto steps = this_loop().stats().steps;
    EXPECT_EQ(co_await std::move(f), 7);
    EXPECT_EQ(this_loop().stats().steps, steps);
  });
}

TEST(Future, WaitsForAValueThatIsSetLater) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<int>();
    co_await with_task_group([&p = p, &f = f](task_group& g) -> task<> {
      auto waiter = g.spawn(std::move(f));
      co_await sleep_for(1s);
      EXPECT_FALSE(waiter.done());
      p.set_value(7);
      EXPECT_FALSE(waiter.done());  // setting only wakes; nobody runs inside it
      EXPECT_EQ(co_await waiter, 7);
    });
  });
}

TEST(Future, BridgesACallbackToATask) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<std::string>();
    this_loop().post([p = std::move(p)]() mutable { p.set_value("from a callback"); });
    EXPECT_EQ(co_await std::move(f), "from a callback");
  });
}

TEST(Future, OfNothing) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<void>();
    p.set_value();
    co_await std::move(f);
  });
}

TEST(Future, OfAReference) {
  simulate([]() -> task<> {
    int n = 1;
    auto [p, f] = make_promise<int&>();
    p.set_value(n);
    int& same = co_await std::move(f);
    EXPECT_EQ(&same, &n);
  });
}

TEST(Future, OfWhatOnlyMovesAndOfSeveralArguments) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<std::unique_ptr<int>>();
    p.set_value(std::make_unique<int>(7));
    EXPECT_EQ(*co_await std::move(f), 7);
    auto [q, g] = make_promise<std::string>();
    q.set_value(3U, 'x');
    EXPECT_EQ(co_await std::move(g), "xxx");
  });
}

TEST(Future, OfAnExceptionAsAValue) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<std::exception_ptr>();
    p.set_value(std::make_exception_ptr(std::out_of_range("a value")));
    EXPECT_THROW(std::rethrow_exception(co_await std::move(f)), std::out_of_range);
  });
}

TEST(Future, ThrowsTheExceptionThatWasSet) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<int>();
    p.set_exception(std::make_exception_ptr(std::out_of_range("why")));
    EXPECT_TRUE(f.is_ready());
    EXPECT_THROW((void)co_await std::move(f), std::out_of_range);
    auto [q, g] = make_promise<int>();
    q.set_exception(std::make_exception_ptr(std::out_of_range("why")));
    auto o = co_await as_result(std::move(g));
    EXPECT_THROW(std::rethrow_exception(o.error()), std::out_of_range);
  });
}

TEST(Future, OfAPromiseThatWasDroppedIsBroken) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<int>();
    {
      const auto dropped = std::move(p);
    }
    EXPECT_TRUE(f.is_ready());
    EXPECT_THROW((void)co_await std::move(f), broken_promise);
  });
}

TEST(Future, IsBrokenWhileSomebodyWaits) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto [p, f] = make_promise<int>();
      g.spawn(
          [](future<int> mine) -> task<> {
            EXPECT_THROW((void)co_await std::move(mine), broken_promise);
          },
          std::move(f));
      co_await sleep_for(1s);
    });
  });
}

TEST(Future, OfACallbackThatIsNeverCalledIsBroken) {
  simulate([]() -> task<> {
    std::optional<future<int>> f;
    {
      auto made = make_promise<int>();
      f.emplace(std::move(made.second));
      const auto never_called = [p = std::move(made.first)]() mutable { p.set_value(1); };
    }
    EXPECT_THROW((void)co_await std::move(*f), broken_promise);
  });
}

TEST(Future, AwaitedAsAResultGivesTheOutcome) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<int>();
    p.set_value(3);
    EXPECT_EQ((co_await as_result(std::move(f))).value(), 3);
  });
}

TEST(Future, CancelledLeavesThePromiseAbandoned) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<std::shared_ptr<int>>();
    EXPECT_FALSE(p.abandoned());
    EXPECT_EQ(co_await try_for(1s, std::move(f)), std::nullopt);
    EXPECT_TRUE(p.abandoned());
    const auto value = std::make_shared<int>(1);
    p.set_value(value);  // for nobody
    EXPECT_THROW(p.set_value(value), std::logic_error);
    {
      const auto dropped = std::move(p);
    }
    EXPECT_EQ(value.use_count(), 1);
  });
}

TEST(Future, CancelledInTheTurnTheValueWasSetHasIt) {
  simulate([]() -> task<> {
    auto [p, f] = make_promise<int>();
    co_await with_task_group([&p = p, &f = f](task_group& g) -> task<> {
      auto waiter = g.spawn(std::move(f));
      co_await yield_now();
      p.set_value(7);
      waiter.cancel();
      EXPECT_EQ((co_await waiter.join()).value(), 7);
    });
  });
}

TEST(Future, AwaitingOneThatIsReadyIsNoCancellationPoint) {
  simulate([]() -> task<> {
    auto ready = make_promise<int>();
    auto never = make_promise<int>();
    ready.first.set_value(7);
    int got = 0;
    cancel_scope s;
    const auto body = [&]() -> task<> {
      s.cancel();
      got = co_await std::move(ready.second);
      (void)co_await std::move(never.second);
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(never.first.abandoned());
  });
}

TEST(Promise, IsAbandonedWhenItsFutureIsDropped) {
  auto [p, f] = make_promise<int>();
  EXPECT_FALSE(p.abandoned());
  {
    const auto dropped = std::move(f);
  }
  EXPECT_TRUE(p.abandoned());
  p.set_value(1);
}

TEST(Promise, HasItsValueSetOnce) {
  auto [p, f] = make_promise<int>();
  p.set_value(1);
  EXPECT_THROW(p.set_value(2), std::logic_error);
  EXPECT_THROW(p.set_exception(std::make_exception_ptr(1)), std::logic_error);
  EXPECT_TRUE(f.is_ready());
}

TEST(Promise, AValueThatCannotBeMadeLeavesItUnset) {
  struct picky {
    explicit picky(int n) {
      if (n < 0) throw std::out_of_range("negative");
    }
  };
  simulate([]() -> task<> {
    auto [p, f] = make_promise<picky>();
    EXPECT_THROW(p.set_value(-1), std::out_of_range);
    EXPECT_FALSE(f.is_ready());
    p.set_value(1);
    (void)co_await std::move(f);
  });
}

TEST(Promise, MovedFromIsALogicError) {
  auto [p, f] = make_promise<int>();
  auto moved = std::move(p);
  EXPECT_THROW(p.set_value(1),
               std::logic_error);  // NOLINT(bugprone-use-after-move): what it is for
  EXPECT_THROW((void)p.abandoned(), std::logic_error);
  EXPECT_FALSE(f.is_ready());
  moved.set_value(1);
  auto taken = std::move(f);
  EXPECT_FALSE(f.is_ready());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(taken.is_ready());
}

TEST(Promise, AssigningOverOneBreaksItAtOnce) {
  simulate([]() -> task<> {
    auto a = make_promise<int>();
    auto b = make_promise<int>();
    a.first = std::move(b.first);
    EXPECT_TRUE(a.second.is_ready());
    EXPECT_THROW((void)co_await std::move(a.second), broken_promise);
    auto& itself = a.first;
    a.first = std::move(itself);
    a.first.set_value(5);
    EXPECT_EQ(co_await std::move(b.second), 5);
  });
}

TEST(Future, AssigningOverOneAbandonsItsPromiseAtOnce) {
  auto a = make_promise<int>();
  auto b = make_promise<int>();
  a.second = std::move(b.second);
  EXPECT_TRUE(a.first.abandoned());
  EXPECT_FALSE(b.first.abandoned());
  auto& itself = a.second;
  a.second = std::move(itself);
  b.first.set_value(1);
  EXPECT_TRUE(a.second.is_ready());
}

TEST(Future, IsCancelledAtEveryWait) {
  const auto value = std::make_shared<int>(1);
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        auto a = make_promise<std::shared_ptr<int>>();
        auto b = make_promise<std::shared_ptr<int>>();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            EXPECT_EQ(*co_await std::move(a.second), 1);
            b.first.set_value(value);
          });
          g.spawn([&]() -> task<> { EXPECT_EQ(*co_await std::move(b.second), 1); });
          co_await yield_now();
          a.first.set_value(value);
        });
      },
      [&] { EXPECT_EQ(value.use_count(), 1); });
  EXPECT_EQ(n.at_rest, 4U);  // the group, its body's yield, two futures
  EXPECT_EQ(n.posted, 4U);
  EXPECT_EQ(n.at_wake, 8U);  // and four first steps
}

TEST(FutureDeathTest, AwaitedTwice) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 auto [p, f] = make_promise<int>();
                 p.set_value(1);
                 (void)co_await std::move(f);
                 (void)co_await std::move(f);  // NOLINT(bugprone-use-after-move)
               }),
               "rondo: an empty future was awaited");
}

}  // namespace
