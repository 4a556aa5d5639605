#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

struct errand {
  int urgency = 0;
  std::string name;
};
struct by_urgency {
  bool operator()(const errand& a, const errand& b) const { return a.urgency < b.urgency; }
};

TEST(PriorityQueue, GivesTheGreatestFirst) {
  simulate([]() -> task<> {
    priority_queue<int> q(10);
    for (const int i : {3, 1, 4, 1, 5, 9, 2, 6}) co_await q.put(i);
    for (const int i : {9, 6, 5, 4, 3, 2, 1, 1}) EXPECT_EQ(co_await q.get(), i);
    EXPECT_TRUE(q.empty());
  });
}

TEST(PriorityQueue, TakesAnOrderOfOnesOwn) {
  priority_queue<int, std::greater<>> q(10);
  for (const int i : {3, 1, 2}) EXPECT_TRUE(q.try_put(i));
  for (const int i : {1, 2, 3}) EXPECT_EQ(q.try_get(), i);
}

TEST(PriorityQueue, GivesEqualItemsInTheOrderTheyWerePut) {
  priority_queue<errand, by_urgency> q(unbounded);
  std::vector<std::string> expected[3];
  for (int i = 0; i < 300; ++i) {
    const int urgency = i * 7 % 3;
    expected[urgency].push_back(std::to_string(i));
    EXPECT_TRUE(q.try_put(errand{urgency, std::to_string(i)}));
  }
  for (int urgency = 2; urgency >= 0; --urgency)
    for (const std::string& name : expected[urgency]) {
      const auto got = q.try_get();
      ASSERT_TRUE(got);
      EXPECT_EQ(got->urgency, urgency);
      EXPECT_EQ(got->name, name);
    }
}

TEST(PriorityQueue, AnItemThatMeetsAWaitingGetterGoesToIt) {
  simulate([]() -> task<> {
    priority_queue<int> q(10);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(q.get());
      auto second = g.spawn(q.get());
      co_await yield_now();
      EXPECT_TRUE(q.try_put(1));
      EXPECT_TRUE(q.try_put(2));
      EXPECT_TRUE(q.try_put(3));
      EXPECT_EQ(co_await first, 1);
      EXPECT_EQ(co_await second, 2);
      EXPECT_EQ(q.size(), 1U);
    });
  });
}

TEST(PriorityQueue, APutterThatWaitsIsServedBeforeAGreaterItemThatComesLater) {
  simulate([]() -> task<> {
    priority_queue<int> q(2);
    co_await q.put(5);
    co_await q.put(7);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto small = g.spawn(q.put(1));
      auto great = g.spawn(q.put(9));
      co_await yield_now();
      EXPECT_FALSE(q.try_put(100));
      EXPECT_EQ(co_await q.get(), 7);  // of what is in the queue
      co_await small;
      EXPECT_FALSE(great.done());
      EXPECT_EQ(co_await q.get(), 5);
      EXPECT_EQ(co_await q.get(), 9);
      EXPECT_EQ(co_await q.get(), 1);
    });
  });
}

TEST(PriorityQueue, ClosedIsDrainedInOrder) {
  simulate([]() -> task<> {
    priority_queue<int> q(3);
    for (const int i : {2, 3, 1}) co_await q.put(i);
    q.close();
    EXPECT_THROW(co_await q.put(4), queue_closed);
    for (const int i : {3, 2, 1}) EXPECT_EQ(co_await q.next(), i);
    EXPECT_EQ(co_await q.next(), std::nullopt);
  });
}

TEST(PriorityQueue, HoldsItemsThatOnlyMove) {
  struct less_by_value {
    bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const {
      return *a < *b;
    }
  };
  priority_queue<std::unique_ptr<int>, less_by_value> q(3);
  for (const int i : {2, 3, 1}) EXPECT_TRUE(q.try_put(std::make_unique<int>(i)));
  auto fourth = std::make_unique<int>(4);
  EXPECT_FALSE(q.try_put(std::move(fourth)));
  EXPECT_EQ(*fourth, 4);  // NOLINT(bugprone-use-after-move): it moves only when it returns true
  for (const int i : {3, 2, 1}) EXPECT_EQ(**q.try_get(), i);
}

TEST(PriorityQueue, WithoutRoomIsRefused) {
  EXPECT_THROW(priority_queue<int>(0), std::invalid_argument);
  EXPECT_THROW(lifo_queue<int>(0), std::invalid_argument);
}

#ifndef RONDO_TEST_SANITIZED
TEST(PriorityQueue, AnItemThatDoesNotFitIntoMemoryIsStillThere) {
  struct less_by_value {
    bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const {
      return *a < *b;
    }
  };
  priority_queue<std::unique_ptr<int>, less_by_value> q(unbounded);
  int put = 0;
  auto item = std::make_unique<int>(put);
  {
    const rondo_test::memory_limit limit(1000);
    try {
      while (put < 1000 && q.try_put(std::move(item))) item = std::make_unique<int>(++put);
    } catch (const std::bad_alloc&) {
      EXPECT_GT(put, 10);
    }
  }
  ASSERT_NE(item, nullptr);  // NOLINT(bugprone-use-after-move): it moves only when it returns true
  EXPECT_EQ(q.size(), static_cast<std::size_t>(put));
  EXPECT_TRUE(q.try_put(std::move(item)));
  for (int i = put; i >= 0; --i) EXPECT_EQ(**q.try_get(), i);
}
#endif

TEST(PriorityQueue, JoinEndsWhenEveryItemIsDone) {
  simulate([]() -> task<> {
    priority_queue<int> q(3);
    co_await q.join();
    for (const int i : {1, 2}) co_await q.put(i);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto joined = g.spawn(q.join());
      for (int i = 0; i < 2; ++i) {
        co_await sleep_for(1s);
        EXPECT_FALSE(joined.done());
        (void)co_await q.get();
        q.task_done();
      }
      co_await joined;
    });
    EXPECT_THROW(q.task_done(), std::logic_error);
  });
}

TEST(LifoQueue, GivesTheNewestFirst) {
  simulate([]() -> task<> {
    lifo_queue<int> q(10);
    for (const int i : {1, 3, 2}) co_await q.put(i);
    EXPECT_EQ(co_await q.get(), 2);
    co_await q.put(5);
    for (const int i : {5, 3, 1}) EXPECT_EQ(co_await q.get(), i);
  });
}

TEST(LifoQueue, PuttersAndGettersThatWaitAreServedFirstComeFirstServed) {
  simulate([]() -> task<> {
    lifo_queue<int> q(1);
    co_await q.put(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 1; i <= 3; ++i) g.spawn(q.put(i));
      co_await yield_now();
      for (int i = 0; i <= 3; ++i) EXPECT_EQ(co_await q.get(), i);
      auto first = g.spawn(q.get());
      auto second = g.spawn(q.get());
      co_await yield_now();
      co_await q.put(8);
      co_await q.put(9);
      EXPECT_EQ(co_await first, 8);
      EXPECT_EQ(co_await second, 9);
    });
  });
}

TEST(LifoQueue, JoinEndsWhenEveryItemIsDone) {
  simulate([]() -> task<> {
    lifo_queue<int> q(3);
    co_await q.join();
    for (const int i : {1, 2}) co_await q.put(i);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto joined = g.spawn(q.join());
      for (int i = 0; i < 2; ++i) {
        co_await sleep_for(1s);
        EXPECT_FALSE(joined.done());
        (void)co_await q.get();
        q.task_done();
      }
      co_await joined;
    });
    EXPECT_THROW(q.task_done(), std::logic_error);
  });
}

TEST(LifoQueue, ClosedIsDrainedInOrder) {
  simulate([]() -> task<> {
    lifo_queue<int> q(3);
    for (const int i : {1, 2, 3}) co_await q.put(i);
    q.close(std::make_exception_ptr(std::out_of_range("why")));
    for (const int i : {3, 2, 1}) EXPECT_EQ(co_await q.next(), i);
    EXPECT_THROW((void)co_await q.next(), std::out_of_range);
  });
}

// The error of close() reaches a getter though the queue has gone when it resumes.
TEST(LifoQueue, AGetterIsToldOfTheEndEvenIfTheQueueHasGoneByThen) {
  simulate([]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      lifo_queue<int> q(1);
      g.spawn([wait = q.get()]() mutable -> task<> {
        EXPECT_THROW((void)co_await wait, std::out_of_range);
      });
      co_await yield_now();
      q.close(std::make_exception_ptr(std::out_of_range("why")));
    });
  });
}

template <class Queue>
class QueueOfAnyOrder : public testing::Test {};
using orders = testing::Types<queue<int>, priority_queue<int>, lifo_queue<int>>;
TYPED_TEST_SUITE(QueueOfAnyOrder, orders, );

TYPED_TEST(QueueOfAnyOrder, IsCancelledAtEveryWait) {
  int put = 0;
  int got = 0;
  int left = 0;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        put = got = left = 0;
        TypeParam q(1);
        struct at_end {
          TypeParam& q;
          int& left;
          ~at_end() {
            while (q.try_get()) ++left;
          }
        };
        const at_end count{q, left};
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (int i = 0; i < 4; ++i) {
              co_await q.put(i);
              ++put;
            }
          });
          for (int i = 0; i < 4; ++i) {
            (void)co_await q.get();
            ++got;
            co_await yield_now();
          }
        });
      },
      [&] { EXPECT_EQ(put, got + left); });
  EXPECT_EQ(n.at_rest, 8U);
  EXPECT_EQ(n.posted, n.at_rest);
  EXPECT_EQ(n.at_wake, n.at_rest + 3);  // and the first steps: the scenario, the body, the child
}

}  // namespace
