#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

TEST(Channel, OfNoCapacityASenderDoesNotGoOnBeforeAReceiverHasTheItem) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await out.send(1);
        log += "sent ";
      });
      co_await sleep_for(1s);
      EXPECT_EQ(log, "");
      EXPECT_EQ(co_await in.receive(), 1);
      log += "received ";
    });
    EXPECT_EQ(log, "received sent ");
  });
}

TEST(Channel, OfNoCapacityASenderThatFindsAReceiverGoesOnAtOnce) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto receiver = g.spawn(in.receive());
      co_await yield_now();
      const auto steps = this_loop().stats().steps;
      co_await out.send(1);
      EXPECT_EQ(this_loop().stats().steps, steps);
      EXPECT_EQ(co_await receiver, 1);
    });
  });
}

TEST(Channel, OfNoCapacityTryingSucceedsOnlyIfTheOtherSideWaits) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    EXPECT_FALSE(out.try_send(1));
    EXPECT_EQ(in.try_receive(), std::nullopt);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto receiver = g.spawn(in.receive());
      co_await yield_now();
      EXPECT_TRUE(out.try_send(2));
      EXPECT_FALSE(out.try_send(3));  // the receiver has its item, though it has not resumed
      EXPECT_EQ(co_await receiver, 2);
      auto sender = g.spawn(out.send(4));
      co_await yield_now();
      EXPECT_EQ(in.try_receive(), 4);
      EXPECT_EQ(in.try_receive(), std::nullopt);
      co_await sender;
    });
  });
}

TEST(Channel, HoldsAsManyItemsAsItsCapacity) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>(2);
    EXPECT_TRUE(out.try_send(1));
    co_await out.send(2);
    EXPECT_FALSE(out.try_send(3));
    EXPECT_FALSE(co_await try_for(1s, out.send(3)));
    EXPECT_EQ(co_await in.receive(), 1);
    EXPECT_EQ(in.try_receive(), 2);
    EXPECT_EQ(in.try_receive(), std::nullopt);
  });
}

TEST(Channel, ServesBothSidesInTheOrderTheyCame) {
  for (const std::size_t capacity : {0, 1, 3})
    simulate([&]() -> task<> {
      auto [out, in] = make_channel<int>(capacity);
      std::string log;
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 5; ++i) g.spawn(out.send(i));
        co_await yield_now();
        for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await in.receive(), i);
        for (char c = 'a'; c <= 'e'; ++c)
          g.spawn([&, c]() -> task<> {
            log += c;
            log += std::to_string(co_await in.receive());
          });
        co_await yield_now();
        log.clear();
        for (int i = 0; i < 5; ++i) co_await out.send(i);
      });
      EXPECT_EQ(log, "01234");
    });
}

TEST(Channel, EndsForReceiversWhenTheLastSenderHasGone) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>(5);
    auto second = out.clone();
    co_await out.send(1);
    out.close();
    out.close();
    co_await second.send(2);
    {
      const auto gone = std::move(second);
    }
    EXPECT_EQ(co_await in.next(), 1);  // what is there is drained first
    EXPECT_EQ(co_await in.receive(), 2);
    EXPECT_EQ(co_await in.next(), std::nullopt);
    EXPECT_THROW((void)co_await in.receive(), queue_closed);
    EXPECT_EQ(in.try_receive(), std::nullopt);
  });
}

TEST(Channel, EndsReceiversThatWaitWhenTheLastSenderGoes) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    auto other = in.clone();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_EQ(co_await in.next(), std::nullopt); });
      g.spawn([&]() -> task<> { EXPECT_THROW((void)co_await other.receive(), queue_closed); });
      co_await yield_now();
      auto second = out.clone();
      out.close();
      co_await yield_now();
      EXPECT_EQ(g.size(), 2U);  // a sender is left
      second.close();
    });
  });
}

TEST(Channel, FailsForSendersWhenTheLastReceiverHasGone) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    auto second = in.clone();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_THROW(co_await out.send(1), queue_closed); });
      co_await yield_now();
      in.close();
      co_await yield_now();
      EXPECT_EQ(g.size(), 1U);  // a receiver is left
      second.close();
    });
    EXPECT_THROW(co_await out.send(2), queue_closed);
    EXPECT_THROW((void)out.try_send(3), queue_closed);
  });
}

TEST(Channel, ManyProducersEndOneConsumer) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    int sum = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto produce = [](channel_sender<int> mine, int n) -> task<> {
        for (int i = 1; i <= n; ++i) {
          co_await mine.send(i);
          co_await sleep_for(1s);
        }
      };
      g.spawn(produce, out.clone(), 3);
      g.spawn(produce, out.clone(), 5);
      g.spawn(produce, std::move(out), 4);
      while (const auto item = co_await in.next()) sum += *item;
    });
    EXPECT_EQ(sum, 6 + 15 + 10);
  });
}

TEST(Channel, AnEndThatWasClosedOrMovedFromIsALogicError) {
  auto [out, in] = make_channel<int>(1);
  auto sender = std::move(out);
  EXPECT_THROW((void)out.try_send(1),
               std::logic_error);  // NOLINT(bugprone-use-after-move): what it is for
  EXPECT_THROW((void)out.clone(), std::logic_error);
  in.close();
  EXPECT_THROW((void)in.try_receive(), std::logic_error);
  EXPECT_THROW((void)in.next(), std::logic_error);
}

TEST(Channel, AssigningAnEndLetsGoOfTheOneItWas) {
  simulate([]() -> task<> {
    auto [out_a, in_a] = make_channel<int>(1);
    auto [out_b, in_b] = make_channel<int>(1);
    out_a = std::move(out_b);
    EXPECT_EQ(co_await in_a.next(), std::nullopt);
    auto& itself = out_a;
    out_a = std::move(itself);
    co_await out_a.send(1);
    EXPECT_EQ(co_await in_b.next(), 1);
  });
}

TEST(Channel, ItemsThatOnlyMoveGoThrough) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<std::unique_ptr<int>>();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { co_await out.send(std::make_unique<int>(7)); });
      EXPECT_EQ(*co_await in.receive(), 7);
      auto item = std::make_unique<int>(8);
      EXPECT_FALSE(out.try_send(std::move(item)));
      EXPECT_EQ(*item, 8);  // NOLINT(bugprone-use-after-move): it moves only when it returns true
    });
  });
}

TEST(Channel, ACancelledSenderHasNotSent) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(out.send(1));
      auto second = g.spawn(out.send(2));
      co_await yield_now();
      first.cancel();
      EXPECT_EQ(co_await in.receive(), 2);
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      co_await second;
    });
  });
}

TEST(Channel, BothCancelledInTheTurnTheyMetHaveMet) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    co_await with_task_group([&](task_group& g) -> task<> {
      std::optional<int> got;
      auto receiver = g.spawn([&]() -> task<> { got = co_await in.receive(); });
      co_await yield_now();
      auto sender = g.spawn([&]() -> task<> {
        co_await out.send(1);  // they meet in here
        receiver.cancel();
        g.cancel();
      });
      EXPECT_TRUE((co_await sender.join()).has_value());
      ADD_FAILURE();  // the body is cancelled too
    });
    co_return;
  });
}

TEST(Channel, WhicheverEndComesLastBothCancelledInTheTurnTheyMetHaveMet) {
  for (const bool sender_first : {true, false})
    simulate([&]() -> task<> {
      auto [out, in] = make_channel<int>();
      co_await with_task_group([&](task_group& g) -> task<> {
        std::optional<join_handle<void>> sender;
        std::optional<join_handle<int>> receiver;
        if (sender_first) sender = g.spawn(out.send(1));
        receiver = g.spawn(in.receive());
        if (!sender_first) sender = g.spawn(out.send(1));
        // After both have had their step, and before the one that came first has resumed.
        g.spawn([&]() -> task<> {
          sender->cancel();
          receiver->cancel();
          co_return;
        });
        EXPECT_TRUE((co_await sender->join()).has_value());
        EXPECT_EQ((co_await receiver->join()).value(), 1);
      });
    });
}

TEST(Channel, BothCancelledInTheTurnBeforeTheyMeetHaveNot) {
  simulate([]() -> task<> {
    auto [out, in] = make_channel<int>();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto sender = g.spawn(out.send(1));
      co_await yield_now();
      auto receiver = g.spawn(in.receive());
      sender.cancel();
      receiver.cancel();
      EXPECT_TRUE((co_await sender.join()).is_cancelled());
      EXPECT_TRUE((co_await receiver.join()).is_cancelled());
    });
    EXPECT_EQ(in.try_receive(), std::nullopt);
  });
}

// close() wakes the receiver; the channel goes before it has resumed.
TEST(Channel, AReceiverIsToldOfTheEndEvenIfTheChannelHasGoneByThen) {
  simulate([]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto [out, in] = make_channel<int>();
      g.spawn([wait = in.next()]() mutable -> task<> { EXPECT_EQ(co_await wait, std::nullopt); });
      co_await yield_now();
    });
  });
}

TEST(Channel, IsDestroyedWithWhatIsLeftInIt) {
  const auto item = std::make_shared<int>(1);
  {
    auto [out, in] = make_channel<std::shared_ptr<int>>(3);
    EXPECT_TRUE(out.try_send(std::shared_ptr<int>(item)));
    EXPECT_TRUE(out.try_send(std::shared_ptr<int>(item)));
    EXPECT_EQ(item.use_count(), 3);
  }
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Channel, SendAndReceiveAreCancelledAtEveryWait) {
  for (const std::size_t capacity : {0, 1}) {
    int sent = 0;
    int received = 0;
    int left = 0;
    const auto n = rondo_test::cancel_at_every_wait(
        reactor_kind::simulated,
        [&]() -> task<> {
          sent = received = left = 0;
          auto [out, in] = make_channel<int>(capacity);
          struct at_end {
            channel_receiver<int>& in;
            int& left;
            ~at_end() {
              while (in.try_receive()) ++left;
            }
          };
          const at_end count{in, left};
          co_await with_task_group([&](task_group& g) -> task<> {
            for (int p = 0; p < 2; ++p)
              g.spawn([&]() -> task<> {
                for (int i = 0; i < 2; ++i) {
                  co_await out.send(i);
                  ++sent;
                }
              });
            for (int i = 0; i < 4; ++i) {
              (void)co_await in.receive();
              ++received;
              co_await yield_now();
            }
          });
        },
        [&] { EXPECT_EQ(sent, received + left); });
    EXPECT_EQ(n.at_rest, capacity == 0 ? 9U : 8U);
    EXPECT_EQ(n.posted, n.at_rest);
    EXPECT_EQ(n.at_wake,
              n.at_rest + 4);  // and the first steps: the scenario, the body, two senders
  }
}

}  // namespace
