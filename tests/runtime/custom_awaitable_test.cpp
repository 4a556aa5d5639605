// An awaitable that a program writes itself, by the rules in wait.hpp and with public names alone.

#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::simulate;

// Hands numbers out to those who wait for them, the newest first.
class ticket_office {
 public:
  class ticket : public custom_awaitable {
   public:
    explicit ticket(ticket_office& o) noexcept : office_(&o) {}
    bool begin(waiting_task& t) noexcept override {
      if (!office_->left_.empty()) {
        number_ = office_->left_.front();
        office_->left_.pop_front();
        return true;
      }
      if (t.must_stop()) {
        t.wake_stopped();
        return false;
      }
      task_ = &t;
      office_->line_.push_back(this);
      t.wait_on(*this);
      return false;
    }
    void cancel(waiting_task& t) noexcept override {
      std::erase(office_->line_, this);
      t.wake_stopped();
    }
    void describe(detail::wait_visitor& v) const override { v.waits_for("a ticket"); }
    int await_resume() const noexcept { return number_; }

   private:
    friend class ticket_office;
    ticket_office* office_;
    waiting_task* task_ = nullptr;
    int number_ = 0;
  };

  ticket next() noexcept { return ticket(*this); }
  void give(int number) {
    if (line_.empty()) {
      left_.push_back(number);
      return;
    }
    ticket* const newest = line_.back();
    line_.pop_back();
    newest->number_ = number;
    newest->task_->wake();
  }
  std::size_t left() const noexcept { return left_.size(); }
  std::size_t waiting() const noexcept { return line_.size(); }

 private:
  std::deque<int> left_;
  std::deque<ticket*> line_;
};

TEST(CustomAwaitable, CompletesAtOnceOrWhenItIsWoken) {
  simulate([]() -> task<> {
    ticket_office office;
    office.give(1);
    EXPECT_EQ(co_await office.next(), 1);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (const char name : {'a', 'b'})
        g.spawn([&, name]() -> task<> { log += name + std::to_string(co_await office.next()); });
      co_await sleep_for(1s);
      EXPECT_NE(task_tree().find("waiting for a ticket, 1.000 s"), std::string::npos);
      office.give(2);
      office.give(3);
    });
    EXPECT_EQ(log, "b2a3");
  });
}

TEST(CustomAwaitable, WorksInEveryScopeAndCombinator) {
  simulate([]() -> task<> {
    ticket_office office;
    EXPECT_FALSE((co_await try_for(1s, office.next())).has_value());
    EXPECT_EQ(office.waiting(), 0U);
    this_loop().call_later(1s, [&] { office.give(1); });
    const auto [number, nothing] = co_await gather(office.next(), sleep_for(2s));
    EXPECT_EQ(number, 1);
    this_loop().call_later(1s, [&] { office.give(2); });
    EXPECT_EQ(co_await race(office.next(), office.next()), 2);
    EXPECT_EQ(office.waiting(), 0U);
    office.give(3);
    EXPECT_EQ((co_await as_result(office.next())).value(), 3);
    office.give(4);
    EXPECT_EQ(co_await shield(office.next()), 4);
  });
}

TEST(CustomAwaitable, AReadyOneDrawsOnTheBudget) {
  simulate([]() -> task<> {
    ticket_office office;
    for (int i = 0; i < 1000; ++i) office.give(i);
    cancel_scope s;
    (void)co_await s.run([&]() -> task<> {
      s.cancel();
      for (;;) (void)co_await office.next();
    });
    EXPECT_GE(office.left(), 1000U - 64U);
  });
}

TEST(CustomAwaitable, WokenAndCancelledInOneTurnItHasHappened) {
  simulate([]() -> task<> {
    ticket_office office;
    co_await with_task_group([&](task_group& g) -> task<> {
      int got = 0;
      auto h = g.spawn([&]() -> task<> { got = co_await office.next(); });
      co_await yield_now();
      office.give(7);
      h.cancel();
      (void)co_await h.join();
      EXPECT_EQ(got, 7);
    });
  });
}

TEST(CustomAwaitable, IsCancelledAtEveryWaitAndNoTicketIsLost) {
  int given = 0;
  int got = 0;
  std::size_t left = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        given = got = 0;
        ticket_office office;
        struct counted {
          ticket_office& office;
          std::size_t& left;
          ~counted() { left = office.left(); }
        } const at_end{office, left};
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 2; ++i)
            g.spawn([&]() -> task<> {
              for (int k = 0; k < 3; ++k) {
                (void)co_await office.next();
                ++got;
              }
            });
          for (; given < 6; ++given) {
            co_await sleep_for(1ms);
            office.give(given);
          }
        });
      },
      [&] { EXPECT_EQ(static_cast<std::size_t>(got) + left, static_cast<std::size_t>(given)); });
  EXPECT_GT(n.at_rest, 10U);
}

}  // namespace
