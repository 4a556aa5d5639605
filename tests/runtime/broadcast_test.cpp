#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/cancel_pairs.hpp"
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

namespace broadcast_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

// What is left in a line.
std::string rest(subscription<int>& s) {
  std::string all;
  while (const auto item = s.try_get()) all += std::to_string(*item) + " ";
  return all;
}

TEST(Broadcast, ReachesEverySubscriberInOrder) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto one = b.subscribe(8, overflow::wait);
    auto other = b.subscribe(8, overflow::drop_oldest);
    EXPECT_EQ(b.subscribers(), 2U);
    for (int i = 1; i <= 3; ++i) co_await b.send(i);
    EXPECT_EQ(one.size(), 3U);
    EXPECT_EQ(rest(one), "1 2 3 ");
    EXPECT_EQ(rest(other), "1 2 3 ");
    EXPECT_EQ(other.dropped(), 0U);
  });
}

TEST(Broadcast, ASubscriberGetsWhatIsSentFromThenOn) {
  simulate([]() -> task<> {
    broadcast<int> b;
    co_await b.send(1);  // to nobody
    auto early = b.subscribe(8, overflow::wait);
    co_await b.send(2);
    auto late = b.subscribe(8, overflow::wait);
    co_await b.send(3);
    EXPECT_EQ(rest(early), "2 3 ");
    EXPECT_EQ(rest(late), "3 ");
  });
}

TEST(Broadcast, NextWaitsForAnItem) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(1, overflow::wait);
    EXPECT_FALSE(co_await try_for(1s, mine.next()));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(mine.next());
      co_await yield_now();
      co_await b.send(7);
      co_await b.send(8);  // the first is in the waiter's hands, and this one in the line
      EXPECT_EQ(*co_await h, 7);
    });
    EXPECT_EQ(rest(mine), "8 ");
  });
}

TEST(Broadcast, ALineWithoutRoomIsRefused) {
  broadcast<int> b;
  EXPECT_THROW((void)b.subscribe(0, overflow::wait), std::invalid_argument);
  EXPECT_THROW((void)b.subscribe(-1, overflow::wait), std::invalid_argument);
  EXPECT_EQ(b.subscribers(), 0U);
}

TEST(Broadcast, ASenderWaitsForTheSlowestWhoAsksForIt) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto slow = b.subscribe(2, overflow::wait);
    auto quick = b.subscribe(8, overflow::wait);
    co_await b.send(1);
    co_await b.send(2);
    EXPECT_FALSE(b.try_send(3));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto sending = g.spawn(b.send(3));
      co_await yield_now();
      EXPECT_EQ(quick.size(), 2U);  // nobody gets it before all may
      EXPECT_EQ(*slow.try_get(), 1);
      EXPECT_EQ(slow.size(), 2U);  // the room belongs to who waited
      EXPECT_FALSE(b.try_send(4));
      co_await sending;
    });
    EXPECT_EQ(rest(slow), "2 3 ");
    EXPECT_EQ(rest(quick), "1 2 3 ");
    EXPECT_TRUE(b.try_send(5));
  });
}

TEST(Broadcast, SendersTakeTheirTurns) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(1, overflow::wait);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 4; ++i) g.spawn(b.send(i));
      for (int i = 0; i < 4; ++i) EXPECT_EQ(*co_await mine.next(), i);
    });
  });
}

TEST(Broadcast, DropOldestHoldsNobodyUpAndCounts) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(2, overflow::drop_oldest);
    auto single = b.subscribe(1, overflow::drop_oldest);
    for (int i = 1; i <= 5; ++i) EXPECT_TRUE(b.try_send(std::move(i)));
    EXPECT_EQ(mine.dropped(), 3U);
    EXPECT_EQ(rest(mine), "4 5 ");
    EXPECT_EQ(single.dropped(), 4U);
    EXPECT_EQ(rest(single), "5 ");
    EXPECT_FALSE(mine.lagged());
    co_return;
  });
}

TEST(Broadcast, CloseOnOverflowEndsThatSubscriberAlone) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto slow = b.subscribe(2, overflow::close);
    auto other = b.subscribe(8, overflow::close);
    for (int i = 1; i <= 2; ++i) co_await b.send(i);
    EXPECT_FALSE(slow.lagged());
    co_await b.send(3);
    EXPECT_TRUE(slow.lagged());
    EXPECT_EQ(slow.dropped(), 3U);
    EXPECT_EQ(b.subscribers(), 1U);
    EXPECT_FALSE(co_await slow.next());
    EXPECT_FALSE(slow.try_get());
    EXPECT_EQ(rest(other), "1 2 3 ");
  });
}

TEST(Broadcast, CloseLetsSubscribersDrainAndThenEnds) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(4, overflow::wait);
    auto waiting = b.subscribe(4, overflow::wait);
    co_await with_task_group([&](task_group& g) -> task<> {
      co_await b.send(1);
      EXPECT_EQ(*waiting.try_get(), 1);
      auto h = g.spawn(waiting.next());
      co_await yield_now();
      b.close();
      EXPECT_FALSE(co_await h);
    });
    EXPECT_TRUE(b.closed());
    EXPECT_EQ(*co_await mine.next(), 1);
    EXPECT_FALSE(co_await mine.next());
    EXPECT_THROW(co_await b.send(2), queue_closed);
    EXPECT_THROW((void)b.try_send(2), queue_closed);
    auto late = b.subscribe(4, overflow::wait);
    EXPECT_FALSE(co_await late.next());
    EXPECT_EQ(b.subscribers(), 0U);
  });
}

TEST(Broadcast, CloseFailsSendersThatWait) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(1, overflow::wait);
    co_await b.send(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_THROW(co_await b.send(2), queue_closed); });
      co_await yield_now();
      b.close();
    });
    EXPECT_EQ(rest(mine), "1 ");
  });
}

TEST(Broadcast, MayGoBeforeItsSubscribers) {
  simulate([]() -> task<> {
    std::optional<broadcast<int>> b(std::in_place);
    auto mine = b->subscribe(4, overflow::wait);
    co_await b->send(1);
    co_await b->send(2);
    const auto item = mine.try_get();
    b.reset();
    EXPECT_EQ(*item, 1);
    EXPECT_EQ(*co_await mine.next(), 2);
    EXPECT_FALSE(co_await mine.next());
  });
}

TEST(Broadcast, ASubscriberThatLeavesMakesRoom) {
  simulate([]() -> task<> {
    broadcast<int> b;
    std::optional<subscription<int>> slow = b.subscribe(1, overflow::wait);
    auto other = b.subscribe(8, overflow::wait);
    co_await b.send(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(b.send(2));
      co_await yield_now();
      EXPECT_FALSE(h.done());
      slow.reset();
      co_await h;
    });
    EXPECT_EQ(rest(other), "1 2 ");
    EXPECT_EQ(b.subscribers(), 1U);
  });
}

TEST(Broadcast, ASubscriptionCanBeMovedAndReplaced) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto first = b.subscribe(2, overflow::wait);
    co_await b.send(1);
    auto moved = std::move(first);
    EXPECT_EQ(*moved.try_get(), 1);
    moved = b.subscribe(2, overflow::wait);
    EXPECT_EQ(b.subscribers(), 1U);
    co_await b.send(2);
    EXPECT_EQ(rest(moved), "2 ");
  });
}

TEST(Broadcast, SeveralTasksOfOneSubscriptionShareItsItems) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(1, overflow::wait);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto one = g.spawn(mine.next());
      auto other = g.spawn(mine.next());
      co_await yield_now();
      co_await b.send(1);
      co_await b.send(2);
      EXPECT_EQ(*co_await one, 1);
      EXPECT_EQ(*co_await other, 2);
    });
  });
}

// --- what an item costs, and how long it lives ---------------------------------------------------

struct counted {
  explicit counted(int& n) : alive(&n) { ++n; }
  counted(counted&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
  counted& operator=(counted&&) = delete;
  ~counted() {
    if (alive) --*alive;
  }
  int* alive;
};

TEST(Broadcast, AnItemGoesWhenTheLastHasLetGoOfIt) {
  simulate([]() -> task<> {
    int alive = 0;
    broadcast<counted> b;
    co_await b.send(counted(alive));
    EXPECT_EQ(alive, 0);  // nobody wanted it
    auto one = b.subscribe(8, overflow::wait);
    auto other = b.subscribe(2, overflow::drop_oldest);
    for (int i = 0; i < 4; ++i) co_await b.send(counted(alive));
    EXPECT_EQ(alive, 4);
    for (int i = 0; i < 4; ++i) (void)one.try_get();
    EXPECT_EQ(alive, 2);
    {
      const auto kept = other.try_get();
      const auto copy = kept;
      EXPECT_EQ(alive, 2);
    }
    EXPECT_EQ(alive, 1);
    {
      const auto gone = std::move(other);
    }
    EXPECT_EQ(alive, 0);
  });
}

// One item that is kept for long must not keep all that came later.
TEST(Broadcast, AnItemThatIsKeptKeepsNoOther) {
  simulate([]() -> task<> {
    int alive = 0;
    broadcast<counted> b;
    auto mine = b.subscribe(2, overflow::wait);
    co_await b.send(counted(alive));
    co_await b.send(counted(alive));
    const auto kept = mine.try_get();
    for (int i = 0; i < 10; ++i) {
      co_await b.send(counted(alive));
      (void)mine.try_get();
    }
    EXPECT_EQ(alive, 2);  // kept, and one in the line
  });
}

TEST(Broadcast, ALongLineGoesWithoutRecursion) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(unbounded, overflow::wait);
    for (int i = 0; i < 300'000; ++i) EXPECT_TRUE(b.try_send(std::move(i)));
    EXPECT_EQ(mine.size(), 300'000U);
    co_return;
  });
}

#ifndef RONDO_TEST_SANITIZED
TEST(Broadcast, AnItemForManyIsAllocatedOnceAndFromThePool) {
  simulate([]() -> task<> {
    broadcast<int> b;
    std::vector<subscription<int>> all;
    for (int i = 0; i < 100; ++i) all.push_back(b.subscribe(4, overflow::drop_oldest));
    const auto round = [&]() -> task<> {
      for (int i = 0; i < 10; ++i) co_await b.send(i);
      for (auto& s : all)
        while (s.try_get()) {
        }
    };
    co_await round();
    const auto before = rondo_test::allocations();
    const auto frames = detail::frames_from_heap();
    co_await round();
    EXPECT_EQ(rondo_test::allocations(), before);
    EXPECT_EQ(detail::frames_from_heap(), frames);
    const auto alive = detail::frames_alive();
    co_await b.send(1);
    EXPECT_EQ(detail::frames_alive(), alive + 1);
  });
}
#endif

// --- cancellation --------------------------------------------------------------------------------

TEST(Broadcast, AnItemHandedOverInTheTurnOfACancellationIsTheResult) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto mine = b.subscribe(4, overflow::wait);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(mine.next());
      co_await yield_now();
      EXPECT_TRUE(b.try_send(1));
      h.cancel();
      const auto o = co_await h.join();
      EXPECT_TRUE(o.has_value());
      auto stopped = g.spawn(mine.next());
      co_await yield_now();
      stopped.cancel();
      EXPECT_TRUE(b.try_send(2));
      EXPECT_TRUE((co_await stopped.join()).is_cancelled());
    });
    EXPECT_EQ(rest(mine), "2 ");  // lost by nobody
  });
}

TEST(Broadcast, ACancelledSenderSendsToNobody) {
  simulate([]() -> task<> {
    broadcast<int> b;
    auto slow = b.subscribe(1, overflow::wait);
    auto other = b.subscribe(8, overflow::wait);
    co_await b.send(1);
    EXPECT_FALSE(co_await try_for(1s, b.send(2)));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(b.send(3));
      co_await yield_now();
      EXPECT_EQ(*slow.try_get(), 1);  // it is sent now, whatever is asked of the sender
      h.cancel();
      EXPECT_TRUE((co_await h.join()).has_value());
    });
    EXPECT_EQ(rest(slow), "3 ");
    EXPECT_EQ(rest(other), "1 3 ");
  });
}

// Two senders, a subscriber that waits and one that is slow: whoever is cancelled, each item that
// was sent is with every subscriber, in its hands or in its line.
TEST(Broadcast, IsCancelledAtEveryWait) {
  int sent = 0;
  int taken[2] = {0, 0};
  std::size_t left[2] = {0, 0};
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        sent = taken[0] = taken[1] = 0;
        broadcast<std::shared_ptr<int>> b;
        subscription<std::shared_ptr<int>> lines[2] = {b.subscribe(1, overflow::wait),
                                                       b.subscribe(2, overflow::wait)};
        struct at_end {
          subscription<std::shared_ptr<int>>* lines;
          std::size_t* left;
          ~at_end() {
            for (int i = 0; i < 2; ++i) left[i] = lines[i].size();
          }
        };
        const at_end count{lines, left};
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int p = 0; p < 2; ++p)
            g.spawn([&]() -> task<> {
              for (int i = 0; i < 4; ++i) {
                co_await b.send(std::make_shared<int>(i));
                ++sent;
              }
            });
          for (int c = 0; c < 2; ++c)
            g.spawn([&, c]() -> task<> {
              for (int i = 0; i < 8; ++i) {
                (void)co_await lines[c].next();
                ++taken[c];
                if (c == 0) co_await yield_now();
              }
            });
          co_return;
        });
      },
      [&] {
        for (int i = 0; i < 2; ++i)
          EXPECT_EQ(static_cast<std::size_t>(sent), static_cast<std::size_t>(taken[i]) + left[i]);
      });
  EXPECT_GE(n.at_rest, 12U);
  EXPECT_EQ(n.posted, n.at_rest);
  EXPECT_GE(n.at_wake, n.at_rest);
}

struct send_and_take {
  broadcast<int> b;
  subscription<int> mine = b.subscribe(1, overflow::wait);
  int sent = 0;
  int taken = 0;
  task<> one() {
    for (int i = 0; i < 3; ++i) {
      co_await b.send(i);
      ++sent;
    }
  }
  task<> other() {
    for (int i = 0; i < 3; ++i) {
      (void)co_await mine.next();
      ++taken;
    }
  }
  void check() const { EXPECT_EQ(static_cast<std::size_t>(sent - taken), mine.size()); }
};

TEST(Broadcast, SenderAndSubscriberAreCancelledAtEveryPairOfWaits) {
  const auto n = rondo_test::cancel_pairs<send_and_take>();
  EXPECT_GE(n.one, 1U);
  EXPECT_GE(n.other, 1U);
}

// A model: every subscriber sees the same sequence, from where it began, less what its policy
// dropped, and the counts add up.
TEST(Broadcast, KeepsItsPromisesWhateverTheSchedule) {
  for (int seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    simulate([&]() -> task<> {
      detail::random_source random(static_cast<std::uint64_t>(seed));
      const auto pause = [&]() -> task<> {
        if (random.chance(0.4)) co_await sleep_for(std::chrono::nanoseconds(random.between(0, 3)));
      };
      broadcast<int> b;
      constexpr int total = 60;
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int s = 0; s < 6; ++s)
          g.spawn([&, s]() -> task<> {
            const auto policy = static_cast<overflow>(s % 3);
            const auto most = static_cast<std::size_t>(random.between(1, 4));
            auto mine = b.subscribe(most, policy);
            int last = -1;
            std::uint64_t seen = 0;
            while (const auto item = co_await mine.next()) {
              EXPECT_GT(*item, last);
              if (policy == overflow::wait) EXPECT_EQ(*item, last + 1);
              last = *item;
              ++seen;
              EXPECT_LE(mine.size(), most);
              co_await pause();
            }
            if (mine.lagged()) {
              EXPECT_EQ(policy, overflow::close);
            } else {
              EXPECT_EQ(seen + mine.dropped(), static_cast<std::uint64_t>(total));
              EXPECT_EQ(last, total - 1);
            }
          });
        co_await yield_now();
        for (int i = 0; i < total; ++i) {
          co_await b.send(i);
          co_await pause();
        }
        b.close();
      });
    });
  }
}

TEST(BroadcastDeathTest, DestroyedWhileATaskWaitsToSend) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 std::optional<broadcast<int>> b(std::in_place);
                 auto mine = b->subscribe(1, overflow::wait);
                 co_await b->send(1);
                 co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(b->send(2));
                   co_await yield_now();
                   b.reset();
                 });
               }),
               "a broadcast was destroyed while a task waited to send");
}

}  // namespace
}  // namespace broadcast_test
