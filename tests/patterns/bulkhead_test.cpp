#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/schedules.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

namespace bulkhead_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

task<int> slow(int n) {
  co_await sleep_for(10ms);
  co_return n;
}

}  // namespace

TEST(Bulkhead, AdmitsAsManyAsItHasPermits) {
  simulate([]() -> task<> {
    bulkhead b(2);
    int running = 0, most = 0;
    const auto call = [&]() -> task<> {
      most = std::max(most, ++running);
      co_await sleep_for(1ms);
      --running;
    };
    const auto ends =
        co_await gather(return_exceptions, b.run(call), b.run(call), b.run(call), b.run(call));
    EXPECT_EQ(most, 2);
    EXPECT_TRUE(std::get<1>(ends).value().has_value());
    EXPECT_TRUE(std::get<2>(ends).value().code() == rejection_reason::bulkhead_full);
    EXPECT_TRUE(std::get<3>(ends).value().code() == rejection_reason::bulkhead_full);
    EXPECT_EQ(b.in_use(), 0U);
  });
}

TEST(Bulkhead, TheRestWaitsInOrder) {
  simulate([]() -> task<> {
    bulkhead b(bulkhead::options(1).queue(2));
    std::vector<int> order;
    std::vector<task<outcome<void>>> calls;
    for (int i = 0; i < 4; ++i)
      calls.push_back(b.run([&order, i]() -> task<> {
        order.push_back(i);
        co_await sleep_for(1ms);
      }));
    const auto before = this_loop().now();
    const auto ends = co_await gather(std::move(calls));
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
    EXPECT_TRUE(ends[3].code() == rejection_reason::bulkhead_full);
    EXPECT_EQ(this_loop().now() - before, 3ms);
  });
}

TEST(Bulkhead, ANewcomerDoesNotPassTheLine) {
  simulate([]() -> task<> {
    bulkhead b(bulkhead::options(1).queue(9));
    std::string trace;
    bulkhead::permit held = b.try_acquire();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        const auto p = co_await b.acquire();
        trace += "waiter ";
        co_await sleep_for(1ms);
      });
      co_await yield_now();
      held.release();  // goes to the waiter, which has not had its step yet
      EXPECT_FALSE(b.try_acquire());
      const auto p = co_await b.acquire();
      trace += "newcomer";
    });
    EXPECT_EQ(trace, "waiter newcomer");
  });
}

TEST(Bulkhead, ATurnThatDoesNotComeInTimeIsRefusedToTheNanosecond) {
  simulate([]() -> task<> {
    bulkhead b(bulkhead::options(1).queue(9).queue_timeout(10ms));
    const auto before = this_loop().now();
    std::vector<nanoseconds> ends;
    const auto call = [&]() -> task<outcome<int>> {
      auto o = co_await b.run(slow, 1);
      ends.push_back(this_loop().now() - before);
      co_return o;
    };
    {
      bulkhead::permit held = b.try_acquire();
      const auto late = [](bulkhead::permit p) -> task<> {
        co_await sleep_for(10ms + 1ns);
        p.release();
      };
      const auto [o, done] = co_await gather(call(), late(std::move(held)));
      EXPECT_TRUE(o.code() == rejection_reason::queue_timeout);
    }
    {
      bulkhead::permit held = b.try_acquire();
      const auto early = [](bulkhead::permit p) -> task<> {
        co_await sleep_for(10ms - 1ns);
        p.release();
      };
      const auto [o, done] = co_await gather(call(), early(std::move(held)));
      EXPECT_TRUE(o.has_value());
    }
    EXPECT_EQ(ends, (std::vector<nanoseconds>{10ms, 10ms + 1ns + 10ms - 1ns + 10ms}));
    EXPECT_EQ(b.in_use(), 0U);
    EXPECT_EQ(b.waiting(), 0U);
  });
}

TEST(Bulkhead, TheThrowingFormThrowsRejected) {
  simulate([]() -> task<> {
    bulkhead b(1);
    EXPECT_EQ(co_await b(slow, 7), 7);
    const auto held = b.try_acquire();
    bool caught = false;
    try {
      co_await b(slow, 7);
    } catch (const rejected& r) {
      caught = r.reason() == rejection_reason::bulkhead_full;
    }
    EXPECT_TRUE(caught);
    EXPECT_THROW((void)co_await b.acquire(), rejected);
  });
}

TEST(Bulkhead, GivesThePermitBackHoweverTheCallEnds) {
  simulate([]() -> task<> {
    bulkhead b(1);
    EXPECT_TRUE((co_await b.run([]() -> task<> {
                  throw std::runtime_error("bad");
                  co_return;
                })).has_error());
    EXPECT_TRUE(
        (co_await b.run([]() -> task<> { throw std::runtime_error("no task"); })).has_error());
    EXPECT_FALSE(co_await try_for(1ms, b.run(slow, 1)));
    EXPECT_EQ(b.in_use(), 0U);
  });
}

TEST(Bulkhead, APermitOfAWaiterCancelledInTheSameTurnMovesOn) {
  simulate([]() -> task<> {
    bulkhead b(bulkhead::options(1).queue(2));
    bulkhead::permit held = b.try_acquire();
    bool second_ran = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(b.run(slow, 1));
      auto second = g.spawn(b.run([&]() -> task<> {
        second_ran = true;
        co_return;
      }));
      co_await yield_now();
      held.release();
      first.cancel();  // it has been given the permit already
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      EXPECT_TRUE((co_await second.join()).has_value());
    });
    EXPECT_TRUE(second_ran);
    EXPECT_EQ(b.in_use(), 0U);
  });
}

// --- against a model -----------------------------------------------------------------------------

namespace {

using id = std::size_t;

// Who waits, by hand. A queue timeout that is over at some nanosecond is over before anybody acts
// in it.
class bulkhead_model {
 public:
  explicit bulkhead_model(schedule& s)
      : s_(s),
        permits_(s.below(3) + 1),
        queue_(s.below(4)),
        timeout_(s.random.chance(0.5) ? nanoseconds(s.below(5) + 1) : nanoseconds(1h)),
        free_(permits_),
        b_(bulkhead::options(permits_).queue(queue_).queue_timeout(timeout_)) {}

  task<> operate(id me) {
    look();
    bulkhead::permit p;
    const bool now = free_ > 0 && line_.empty();
    if (s_.random.chance(0.25)) {
      p = b_.try_acquire();
      EXPECT_EQ(static_cast<bool>(p), now);
      if (!p) co_return;
      --free_;
    } else {
      const bool full = !now && line_.size() >= queue_;
      if (now) {
        --free_;
        served_.insert(me);
      } else if (!s_.marked(me) && !full) {
        line_.push_back({me, this_loop().now() + timeout_});
      }
      outcome<bulkhead::permit> o = co_await as_result(b_.acquire());
      pass_time();
      if (o.code() == rejection_reason::bulkhead_full) {
        EXPECT_TRUE(full);
        co_return;
      }
      if (o.code() == rejection_reason::queue_timeout) {
        EXPECT_EQ(timed_out_.erase(me), 1U) << "its time was not over";
        co_return;
      }
      EXPECT_EQ(served_.erase(me), 1U) << "it was not its turn";
      p = std::move(o).value();
    }
    const held here{*this, std::move(p)};
    look();
    co_await s_.pause();
  }
  void cancelled(id who) {
    pass_time();
    std::erase_if(line_, [&](const waiter& w) { return w.who == who; });
  }
  bool may_wait(id) const { return false; }
  void at_end() {
    EXPECT_TRUE(served_.empty());
    EXPECT_EQ(free_, permits_);
    look();
  }

 private:
  struct waiter {
    id who;
    std::chrono::steady_clock::time_point until;
  };
  struct held {
    bulkhead_model& model;
    bulkhead::permit permit;
    ~held() {
      model.pass_time();
      ++model.free_;
      if (!model.line_.empty()) {
        --model.free_;
        model.served_.insert(model.line_.front().who);
        model.line_.pop_front();
      }
      permit.release();
      model.look();
    }
  };
  void pass_time() {
    while (!line_.empty() && line_.front().until <= this_loop().now()) {
      timed_out_.insert(line_.front().who);
      line_.pop_front();
    }
  }
  void look() {
    pass_time();
    EXPECT_EQ(b_.in_use(), permits_ - free_);
    EXPECT_EQ(b_.waiting(), line_.size());
  }

  schedule& s_;
  std::size_t permits_;
  std::size_t queue_;
  nanoseconds timeout_;
  std::size_t free_;
  bulkhead b_;
  std::deque<waiter> line_;
  std::set<id> served_, timed_out_;
};

}  // namespace

TEST(Bulkhead, LosesNoPermitInTenThousandSchedules) { random_schedules<bulkhead_model>(10'000); }

TEST(Bulkhead, CancelledAtEveryWaitLosesNoPermit) {
  std::unique_ptr<bulkhead> b;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        b = std::make_unique<bulkhead>(bulkhead::options(1).queue(3).queue_timeout(15ms));
        const auto late = [&]() -> task<> {
          co_await sleep_for(12ms);
          EXPECT_EQ((co_await b->run(slow, 3)).has_value(), true);
        };
        (void)co_await gather(b->run(slow, 1), b->run(slow, 2), late());
      },
      [&] {
        EXPECT_EQ(b->in_use(), 0U);
        EXPECT_EQ(b->waiting(), 0U);
      });
  EXPECT_EQ(n.at_rest, 7U);
}

TEST(Bulkhead, RefusesOptionsThatMakeNoSense) {
  EXPECT_THROW(bulkhead::options(0), std::invalid_argument);
  EXPECT_THROW(bulkhead::options(1).queue_timeout(0s), std::invalid_argument);
  EXPECT_THROW(bulkhead::options(1).queue_timeout(-1s), std::invalid_argument);
}

TEST(Bulkhead, EndsTheProgramWhenItGoesFirst) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto b = std::make_unique<bulkhead>(1);
        const auto p = b->try_acquire();
        b.reset();
      },
      "a permit of it was out");
}

#ifndef RONDO_TEST_SANITIZED
TEST(Bulkhead, AllocatesNothing) {
  simulate([]() -> task<> {
    bulkhead b(bulkhead::options(1).queue(4));
    const auto call = []() -> task<int> {
      co_await sleep_for(1ns);
      co_return 1;
    };
    const auto two_at_a_time = [&]() -> task<> {
      auto first = b.run(call);
      auto second = b.run(call);
      co_await gather(std::move(first), std::move(second));
    };
    co_await two_at_a_time();  // fills the frame pool and the timer heap
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) co_await two_at_a_time();
    EXPECT_EQ(allocations(), before);
  });
}
#endif

}  // namespace bulkhead_test
