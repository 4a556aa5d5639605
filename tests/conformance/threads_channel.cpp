// thread_channel between the tasks of one loop. Between loops: tests/runtime/threads_test.cpp.

#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/runtime.hpp>

#include <memory>
#include <stdexcept>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::run_on;

CONFORMANCE(ThreadChannel, HandsItemsOverInOrder) {
  thread_channel<int> c(3);
  std::vector<int> got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (int i = 0; i < 20; ++i) co_await c.put(i);
      c.close();
    });
    while (auto item = co_await c.next()) {
      got.push_back(*item);
      EXPECT_LE(c.size(), 3U);
    }
  });
  EXPECT_EQ(got.size(), 20U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], i);
}

CONFORMANCE(ThreadChannel, ServesWaitersInOrder) {
  thread_channel<int> c(1);
  std::vector<std::pair<int, int>> got;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 3; ++i)
      g.spawn([&, i]() -> task<> { got.emplace_back(i, co_await c.get()); });
    co_await yield_now();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(c.try_put(10 + i));  // into their hands
    EXPECT_EQ(c.size(), 0U);
  });
  const std::vector<std::pair<int, int>> wanted{{0, 10}, {1, 11}, {2, 12}};
  EXPECT_EQ(got, wanted);
}

CONFORMANCE(ThreadChannel, ANewcomerDoesNotPassAPutterThatWaits) {
  thread_channel<int> c(1);
  co_await c.put(0);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await c.put(1); });
    co_await yield_now();
    EXPECT_FALSE(c.try_put(2));
    EXPECT_EQ(c.try_get(), 0);
    EXPECT_FALSE(c.try_put(2));  // the room was the putter's
    EXPECT_EQ(c.try_get(), 1);
    EXPECT_EQ(c.try_get(), std::nullopt);
  });
}

CONFORMANCE(ThreadChannel, TryPutMovesOnlyWhenItPuts) {
  thread_channel<std::unique_ptr<int>> c(1);
  auto item = std::make_unique<int>(1);
  EXPECT_TRUE(c.try_put(std::move(item)));
  auto other = std::make_unique<int>(2);
  EXPECT_FALSE(c.try_put(std::move(other)));
  EXPECT_TRUE(other);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(**c.try_get(), 1);
  co_return;
}

CONFORMANCE(ThreadChannel, ClosedItRefusesPuttersAndLetsGettersDrain) {
  thread_channel<int> c(1);
  co_await c.put(1);
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 2; ++i)
      g.spawn([&]() -> task<> { EXPECT_TRUE((co_await as_result(c.put(2))).has_error()); });
    co_await yield_now();
    c.close();
    c.close(std::make_exception_ptr(std::logic_error("the first close counts")));
  });
  EXPECT_TRUE(c.closed());
  EXPECT_THROW(c.try_put(3), queue_closed);
  EXPECT_THROW(co_await c.put(3), queue_closed);
  EXPECT_EQ(co_await c.get(), 1);
  EXPECT_THROW(co_await c.get(), queue_closed);
  EXPECT_EQ(co_await c.next(), std::nullopt);
}

CONFORMANCE(ThreadChannel, ClosedItWakesEveryGetterInOrder) {
  thread_channel<int> c(1);
  std::vector<int> order;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 3; ++i)
      g.spawn([&, i]() -> task<> {
        EXPECT_EQ(co_await c.next(), std::nullopt);
        order.push_back(i);
      });
    co_await yield_now();
    c.close();
  });
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

CONFORMANCE(ThreadChannel, GivesTheErrorItWasClosedWith) {
  thread_channel<int> c(2);
  co_await c.put(1);
  c.close(std::make_exception_ptr(std::out_of_range("the producer's")));
  EXPECT_EQ(co_await c.get(), 1);
  EXPECT_THROW(co_await c.get(), std::out_of_range);
  EXPECT_THROW((void)co_await c.next(), std::out_of_range);
  EXPECT_THROW(co_await c.put(2), queue_closed);
}

CONFORMANCE(ThreadChannel, RefusesNoRoomAtAll) {
  EXPECT_THROW(thread_channel<int>(0), std::invalid_argument);
  co_return;
}

CONFORMANCE(ThreadChannel, ReadyItemsCannotStarveOthers) {
  thread_channel<int> c(unbounded);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(c.try_put(i));
  bool other = false;
  int rounds = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      other = true;
      co_return;
    });
    while (!other && rounds < 1000) {
      (void)co_await c.get();
      ++rounds;
    }
  });
  EXPECT_LE(rounds, 64);
}

// An item is in the channel, in somebody's hands, or was never put: nothing in between.
CONFORMANCE_RUNS(ThreadChannel, IsCancelledAtEveryWait) {
  int put = 0;
  int got = 0;
  std::unique_ptr<thread_channel<int>> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        put = got = 0;
        c = std::make_unique<thread_channel<int>>(1);
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int p = 0; p < 2; ++p)
            g.spawn([&]() -> task<> {
              for (int i = 0; i < 2; ++i) {
                co_await c->put(i);
                ++put;
              }
            });
          for (int t = 0; t < 2; ++t)
            g.spawn([&]() -> task<> {
              for (int i = 0; i < 2; ++i) {
                (void)co_await c->get();
                ++got;
              }
            });
          co_return;
        });
      },
      [&] { EXPECT_EQ(static_cast<std::size_t>(put - got), c->size()); });
  EXPECT_EQ(n.at_rest, 4U);
}

}  // namespace
