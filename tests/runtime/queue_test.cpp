#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/core/random.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

TEST(Queue, GivesItemsInTheOrderTheyWerePut) {
  simulate([]() -> task<> {
    queue<int> q(3);
    EXPECT_TRUE(q.empty());
    for (int i = 1; i <= 3; ++i) co_await q.put(i);
    EXPECT_EQ(q.size(), 3U);
    EXPECT_TRUE(q.full());
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(co_await q.get(), i);
    EXPECT_TRUE(q.empty());
    EXPECT_FALSE(q.full());
  });
}

TEST(Queue, WithoutRoomIsRefused) { EXPECT_THROW(queue<int>(0), std::invalid_argument); }

TEST(Queue, PutWaitsWhileItIsFull) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await q.put(1);
    EXPECT_FALSE(co_await try_for(1s, q.put(2)));
    EXPECT_EQ(q.size(), 1U);
    EXPECT_EQ(co_await q.get(), 1);
    EXPECT_TRUE(co_await try_for(1s, q.put(3)));
    EXPECT_EQ(co_await q.get(), 3);
  });
}

TEST(Queue, GetWaitsWhileItIsEmpty) {
  simulate([]() -> task<> {
    queue<int> q(1);
    EXPECT_EQ(co_await try_for(1s, q.get()), std::nullopt);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(q.get());
      co_await sleep_for(1s);
      co_await q.put(9);
      EXPECT_EQ(co_await h, 9);
    });
  });
}

TEST(Queue, PuttersAndGettersAreServedFirstComeFirstServed) {
  simulate([]() -> task<> {
    queue<int> q(1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 4; ++i)
        g.spawn([&, i]() -> task<> {
          const int got = co_await q.get();
          log += std::to_string(i) + std::to_string(got) + " ";
        });
      co_await yield_now();
      for (int i = 5; i < 9; ++i) co_await q.put(i);
    });
    EXPECT_EQ(log, "05 16 27 38 ");
    log.clear();
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 4; ++i)
        g.spawn([&, i]() -> task<> {
          co_await q.put(i);
          log += std::to_string(i);
        });
      co_await yield_now();
      EXPECT_EQ(log, "0");
      for (int i = 0; i < 4; ++i) EXPECT_EQ(co_await q.get(), i);
    });
    EXPECT_EQ(log, "0123");
  });
}

TEST(Queue, ANewcomerNeverPassesAWaiter) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await q.put(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto waiting = g.spawn(q.put(1));
      co_await yield_now();
      EXPECT_FALSE(q.try_put(7));
      EXPECT_EQ(q.try_get(), 0);   // makes room, which belongs to who waited
      EXPECT_FALSE(q.try_put(7));  // though it has not resumed yet
      EXPECT_EQ(q.size(), 1U);
      EXPECT_EQ(q.try_get(), 1);
      co_await waiting;

      auto getter = g.spawn(q.get());
      co_await yield_now();
      EXPECT_TRUE(q.try_put(2));
      EXPECT_EQ(q.try_get(), std::nullopt);  // it is in the getter's hands
      EXPECT_EQ(q.size(), 0U);
      EXPECT_EQ(co_await getter, 2);
    });
  });
}

TEST(Queue, TryPutMovesOnlyWhenItReturnsTrue) {
  queue<std::unique_ptr<int>> q(1);
  auto item = std::make_unique<int>(1);
  EXPECT_TRUE(q.try_put(std::move(item)));
  EXPECT_EQ(item, nullptr);
  item = std::make_unique<int>(2);
  EXPECT_FALSE(q.try_put(std::move(item)));
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(*item, 2);
  EXPECT_EQ(**q.try_get(), 1);
  EXPECT_EQ(q.try_get(), std::nullopt);
}

TEST(Queue, TryPutOfAnLvalueCopies) {
  queue<std::string> q(1);
  const std::string text = "text";
  EXPECT_TRUE(q.try_put(text));
  EXPECT_FALSE(q.try_put(text));
  EXPECT_EQ(q.try_get(), "text");
}

TEST(Queue, TryPutOfACopyThatThrowsChangesNothing) {
  struct item {
    item() = default;
    item(const item&) { throw std::runtime_error("copied"); }
    item(item&&) noexcept = default;
    item& operator=(const item&) = delete;
  };
  queue<item> q(1);
  const item i;
  EXPECT_THROW(q.try_put(i), std::runtime_error);
  EXPECT_TRUE(q.empty());
  EXPECT_THROW(q.task_done(), std::logic_error);
}

TEST(Queue, UnboundedNeverMakesAPutterWait) {
  simulate([]() -> task<> {
    queue<int> q(unbounded);
    for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(q.try_put(i));
    EXPECT_FALSE(q.full());
    for (int i = 0; i < 10'000; ++i) EXPECT_EQ(co_await q.get(), i);
  });
}

TEST(Queue, AGetterCancelledInTheTurnItWasHandedAnItemHasIt) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(q.get());
      auto second = g.spawn(q.get());
      co_await yield_now();
      EXPECT_TRUE(q.try_put(1));
      first.cancel();
      EXPECT_EQ((co_await first.join()).value(), 1);
      EXPECT_FALSE(second.done());
      EXPECT_TRUE(q.try_put(2));
      EXPECT_EQ(co_await second, 2);
    });
  });
}

TEST(Queue, AGetterCancelledBeforeTheItemLeavesItToTheNext) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(q.get());
      auto second = g.spawn(q.get());
      co_await yield_now();
      first.cancel();
      EXPECT_TRUE(q.try_put(1));
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      EXPECT_EQ(co_await second, 1);
    });
  });
}

TEST(Queue, APutterCancelledInTheTurnItsItemWentInHasPutIt) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await q.put(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto put = g.spawn(q.put(1));
      auto withdrawn = g.spawn(q.put(2));
      co_await yield_now();
      EXPECT_EQ(q.try_get(), 0);
      put.cancel();
      withdrawn.cancel();
      EXPECT_TRUE((co_await put.join()).has_value());
      EXPECT_TRUE((co_await withdrawn.join()).is_cancelled());
      EXPECT_EQ(q.try_get(), 1);
      EXPECT_EQ(q.try_get(), std::nullopt);
    });
  });
}

TEST(Queue, APutThatNeedNotWaitIsNoCancellationPoint) {
  simulate([]() -> task<> {
    queue<int> q(2);
    cancel_scope s;
    const auto body = [&]() -> task<> {
      s.cancel();
      co_await q.put(1);
      EXPECT_EQ(co_await q.get(), 1);
      co_await q.get();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
  });
}

TEST(Queue, CloseFailsWaitingPuttersLetsGettersDrainAndThenEndsThem) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await q.put(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_THROW(co_await q.put(2), queue_closed); });
      co_await yield_now();
      q.close();
      EXPECT_TRUE(q.closed());
    });
    EXPECT_THROW(co_await q.put(3), queue_closed);
    EXPECT_THROW(q.try_put(3), queue_closed);
    EXPECT_EQ(co_await q.next(), 1);
    EXPECT_EQ(co_await q.next(), std::nullopt);
    EXPECT_THROW(co_await q.get(), queue_closed);
    EXPECT_EQ(q.try_get(), std::nullopt);
  });
}

TEST(Queue, CloseEndsGettersThatWait) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_THROW(co_await q.get(), queue_closed); });
      g.spawn([&]() -> task<> { EXPECT_EQ(co_await q.next(), std::nullopt); });
      co_await yield_now();
      q.close();
      q.close();
    });
  });
}

TEST(Queue, CloseWithAnErrorIsThrownPastTheDrainedItems) {
  simulate([]() -> task<> {
    queue<int> q(2);
    co_await q.put(1);
    q.close(std::make_exception_ptr(std::out_of_range("why")));
    EXPECT_THROW(co_await q.put(2), queue_closed);
    EXPECT_EQ(co_await q.get(), 1);
    for (int i = 0; i < 2; ++i) {
      EXPECT_THROW(co_await q.get(), std::out_of_range);
      EXPECT_THROW(co_await q.next(), std::out_of_range);
    }
    q.close();  // the first close counts
    EXPECT_THROW(co_await q.get(), std::out_of_range);
  });
}

TEST(Queue, CloseWithAnErrorReachesGettersThatWait) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_THROW(co_await q.get(), std::out_of_range); });
      g.spawn([&]() -> task<> { EXPECT_THROW(co_await q.next(), std::out_of_range); });
      co_await yield_now();
      q.close(std::make_exception_ptr(std::out_of_range("why")));
    });
  });
}

TEST(Queue, JoinEndsWhenEveryItemIsDone) {
  simulate([]() -> task<> {
    queue<int> q(5);
    co_await q.join();  // nothing was put
    co_await with_task_group([&](task_group& g) -> task<> {
      co_await q.put(1);
      co_await q.put(2);
      auto a = g.spawn(q.join());
      auto b = g.spawn(q.join());
      (void)co_await q.get();
      q.task_done();
      co_await sleep_for(1s);
      EXPECT_FALSE(a.done());
      (void)co_await q.get();
      co_await sleep_for(1s);
      EXPECT_FALSE(a.done());  // taken, and not dealt with
      q.task_done();
      co_await a;
      co_await b;
    });
    co_await q.put(3);
    EXPECT_FALSE(co_await try_for(1s, q.join()));
  });
}

TEST(Queue, JoinCountsItemsThatWentFromHandToHand) {
  simulate([]() -> task<> {
    queue<int> q(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto getter = g.spawn(q.get());
      co_await yield_now();
      co_await q.put(1);
      EXPECT_FALSE(co_await try_for(1s, q.join()));
      (void)co_await getter;
      q.task_done();
      co_await q.join();
    });
  });
}

TEST(Queue, TaskDoneBeyondThePutsIsAnError) {
  queue<int> q(1);
  EXPECT_THROW(q.task_done(), std::logic_error);
  EXPECT_TRUE(q.try_put(1));
  q.task_done();
  EXPECT_THROW(q.task_done(), std::logic_error);
}

TEST(Queue, SelectingTakesFromExactlyOneQueue) {
  // A getter that is stopped because another has its item must not have taken one.
  simulate([]() -> task<> {
    queue<int> a(5);
    queue<int> b(5);
    int got = 0;
    for (int i = 0; i < 10; ++i) {
      co_await with_task_group([&](task_group& g) -> task<> {
        for (queue<int>* q : {&a, &b})
          g.spawn([&, q]() -> task<> {
            got += co_await q->get();
            g.cancel();
          });
        co_await sleep_for(1s);
        (i % 2 ? a : b).try_put(1);
        if (i % 3 == 0) (i % 2 ? b : a).try_put(1);
      });
    }
    const auto left = static_cast<int>(a.size() + b.size());
    EXPECT_EQ(got + left, 14);
  });
}

TEST(Queue, DestroysWhatIsLeftInIt) {
  const auto item = std::make_shared<int>(1);
  {
    queue<std::shared_ptr<int>> q(20);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(q.try_put(item));
    for (int i = 0; i < 7; ++i) (void)q.try_get();
    EXPECT_EQ(item.use_count(), 14);
  }
  EXPECT_EQ(item.use_count(), 1);
}

// Putters, getters and cancellations in random order: what was
// put and not withdrawn comes out once; nothing is lost and nothing comes twice.
TEST(Queue, RandomSchedulesLoseNothingAndDoubleNothing) {
  const int seeds = rondo_test::long_run() ? 20'000 : 1000;
  for (int seed = 0; seed < seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    simulate([&]() -> task<> {
      detail::random_source random(static_cast<std::uint64_t>(seed));
      const auto size = static_cast<std::size_t>(random.between(1, 4));
      queue<std::unique_ptr<int>> q(size);
      std::vector<int> put;  // by a put that completed
      std::vector<int> got;
      int next = 0;
      co_await with_task_group([&](task_group& g) -> task<> {
        std::vector<join_handle<void>> putters;
        std::vector<join_handle<std::unique_ptr<int>>> getters;
        for (int step = 0; step < 60; ++step) {
          switch (random.between(0, 6)) {
            case 0:
              putters.push_back(g.spawn([&, n = next++]() -> task<> {
                co_await q.put(std::make_unique<int>(n));
                put.push_back(n);
              }));
              break;
            case 1: getters.push_back(g.spawn(q.get())); break;
            case 2:
              if (!putters.empty())
                putters[static_cast<std::size_t>(random.next() % putters.size())].cancel();
              break;
            case 3:
              if (!getters.empty())
                getters[static_cast<std::size_t>(random.next() % getters.size())].cancel();
              break;
            case 4: {
              auto item = std::make_unique<int>(next);
              if (q.try_put(std::move(item))) put.push_back(next++);
              break;
            }
            case 5:
              if (auto item = q.try_get()) got.push_back(**item);
              break;
            default: co_await yield_now(); break;
          }
          EXPECT_LE(q.size(), size);
        }
        for (int i = 0; i < 3; ++i) co_await yield_now();
        for (auto& p : putters) p.cancel();
        for (auto& h : getters) h.cancel();
        for (auto& p : putters) EXPECT_FALSE((co_await p.join()).has_error());
        for (auto& h : getters) {
          outcome<std::unique_ptr<int>> o = co_await h.join();
          EXPECT_FALSE(o.has_error());
          if (o.has_value()) got.push_back(*o.value());
        }
        while (auto item = q.try_get()) got.push_back(**item);
      });
      std::sort(put.begin(), put.end());
      std::sort(got.begin(), got.end());
      EXPECT_EQ(put, got);
      for (std::size_t i = 0; i < put.size(); ++i) q.task_done();
      EXPECT_THROW(q.task_done(), std::logic_error);
    });
  }
}

// One producer, one consumer, any capacity: what comes out is what went in, in order, whatever the
// schedule.
TEST(Queue, OrderIsKeptWhateverTheSchedule) {
  for (int seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    simulate([&]() -> task<> {
      detail::random_source random(static_cast<std::uint64_t>(seed));
      queue<int> q(static_cast<std::size_t>(random.between(1, 5)));
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          for (int i = 0; i < 200; ++i) {
            if (random.chance(0.3))
              co_await sleep_for(std::chrono::nanoseconds(random.between(0, 3)));
            co_await q.put(i);
          }
          q.close();
        });
        int expected = 0;
        while (const auto item = co_await q.next()) {
          EXPECT_EQ(*item, expected++);
          if (random.chance(0.3))
            co_await sleep_for(std::chrono::nanoseconds(random.between(0, 3)));
        }
        EXPECT_EQ(expected, 200);
      });
    });
  }
}

TEST(Queue, PutAndGetAreCancelledAtEveryWait) {
  int made = 0;   // items that a putter has let go of: its put completed
  int taken = 0;  // items that a getter has
  std::size_t left = 0;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        made = taken = 0;
        queue<std::shared_ptr<int>> q(2);
        struct at_end {
          queue<std::shared_ptr<int>>& q;
          std::size_t& left;
          ~at_end() { left = q.size(); }
        };
        const at_end count{q, left};
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int p = 0; p < 2; ++p)
            g.spawn([&]() -> task<> {
              for (int i = 0; i < 4; ++i) {
                co_await q.put(std::make_shared<int>(i));
                ++made;
              }
            });
          for (int c = 0; c < 2; ++c)
            g.spawn([&]() -> task<> {
              for (int i = 0; i < 4; ++i) {
                (void)co_await q.get();
                ++taken;
                co_await yield_now();
              }
            });
          co_return;
        });
      },
      [&] { EXPECT_EQ(static_cast<std::size_t>(made), static_cast<std::size_t>(taken) + left); });
  EXPECT_EQ(n.at_rest, 14U);
  EXPECT_EQ(n.posted, n.at_rest);
  EXPECT_GE(n.at_wake, n.at_rest);
}

TEST(Queue, JoinIsCancelledAtEveryWait) {
  const auto n = rondo_test::cancel_at_every_wait(reactor_kind::simulated, []() -> task<> {
    queue<int> q(4);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i) g.spawn(q.join());
      co_await q.put(1);
      co_await sleep_for(1s);
      (void)co_await q.get();
      q.task_done();
    });
  });
  EXPECT_EQ(n.at_rest, 5U);  // the group, its body's sleep, three joins
}

}  // namespace
