#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"
#include "support/schedules.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pool_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::random_schedules;
using rondo_test::schedule;
using rondo_test::simulate;

// Counts the things there are.
class workshop {
 public:
  class thing {
   public:
    explicit thing(workshop& w) : workshop_(&w), number_(w.made_++) { w.alive_.insert(number_); }
    thing(thing&& other) noexcept
        : workshop_(std::exchange(other.workshop_, nullptr)), number_(other.number_) {}
    thing& operator=(thing&&) = delete;
    ~thing() {
      if (workshop_) workshop_->alive_.erase(number_);
    }
    int number() const { return number_; }

   private:
    workshop* workshop_;
    int number_;
  };

  task<thing> make() {
    if (takes_ > 0ns) co_await sleep_for(takes_);
    if (fails_) throw std::runtime_error("the workshop is closed");
    co_return thing(*this);
  }
  void takes(std::chrono::nanoseconds d) { takes_ = d; }
  void fails(bool yes) { fails_ = yes; }
  int made() const { return made_; }
  std::size_t alive() const { return alive_.size(); }
  bool has(int number) const { return alive_.contains(number); }

 private:
  std::chrono::nanoseconds takes_{0};
  bool fails_ = false;
  int made_ = 0;
  std::set<int> alive_;
};
using thing = workshop::thing;
using options = pool_options<thing>;

auto by(workshop& w) {
  return [&w] { return w.make(); };
}

// Borrows one for a second, and writes down who had which.
task<> borrows(pool<thing>& p, char name, std::string& log) {
  auto lease = co_await p.acquire();
  log += name + std::to_string(lease->number());
  co_await sleep_for(1s);
}

TEST(Pool, LendsAgainWhatCameBack) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    EXPECT_EQ((*co_await p.acquire()).number(), 0);
    EXPECT_EQ((*co_await p.acquire()).number(), 0);
    EXPECT_EQ(w.made(), 1);
    EXPECT_EQ(p.idle(), 1U);
    EXPECT_EQ(p.lent(), 0U);
  });
}

TEST(Pool, TheLatestThatCameBackIsLentFirst) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    auto zero = co_await p.acquire();
    auto one = co_await p.acquire();
    EXPECT_EQ(one->number(), 1);
    zero.give_back();
    one.give_back();
    EXPECT_EQ((co_await p.acquire())->number(), 1);
  });
}

TEST(Pool, NeverHasMoreThanItsLimit) {
  simulate([]() -> task<> {
    workshop w;
    w.takes(100ms);
    pool<thing> p(by(w), options().limit(3));
    std::size_t most = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 20; ++i)
        g.spawn([&]() -> task<> {
          auto lease = co_await p.acquire();
          most = std::max(most, p.lent());
          co_await sleep_for(1s);
        });
      co_return;
    });
    EXPECT_EQ(most, 3U);
    EXPECT_EQ(w.made(), 3);
    EXPECT_EQ(p.size(), 3U);
  });
}

TEST(Pool, ServesThoseWhoWaitInTheOrderTheyCame) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(1));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'd'; ++c) g.spawn(borrows(p, c, log));
      co_await yield_now();
      EXPECT_EQ(p.waiting(), 3U);
    });
    EXPECT_EQ(log, "a0b0c0d0");
  });
}

TEST(Pool, ANewcomerNeverPassesAWaiter) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(1));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await p.acquire();
      g.spawn(borrows(p, 'w', log));
      co_await yield_now();
      mine.give_back();
      EXPECT_FALSE(p.try_acquire());  // it is in the waiter's hands
      co_await borrows(p, 'n', log);
    });
    EXPECT_EQ(log, "w0n0");
  });
}

TEST(Pool, WhatIsDiscardedIsEndedAndItsPlaceIsFree) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(1));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await p.acquire();
      g.spawn(borrows(p, 'a', log));
      co_await yield_now();
      mine.discard();
      EXPECT_FALSE(mine);
      EXPECT_FALSE(w.has(0));
    });
    EXPECT_EQ(log, "a1");
  });
}

TEST(Pool, MakingThatFailsThrowsAndThePlaceGoesToTheNext) {
  simulate([]() -> task<> {
    workshop w;
    w.takes(1s);
    w.fails(true);
    pool<thing> p(by(w), options().limit(1));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto failing = g.spawn([&]() -> task<> {
        EXPECT_THROW((void)co_await p.acquire(), std::runtime_error);
        w.fails(false);
      });
      g.spawn(borrows(p, 'a', log));
      co_await failing;
    });
    EXPECT_EQ(log, "a0");
    EXPECT_EQ(p.size(), 1U);
  });
}

TEST(Pool, AMakerThatIsCancelledLeavesItsPlaceToTheNext) {
  simulate([]() -> task<> {
    workshop w;
    w.takes(1s);
    pool<thing> p(by(w), options().limit(1));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(borrows(p, 'a', log));
      g.spawn(borrows(p, 'b', log));
      co_await sleep_for(500ms);
      first.cancel();
    });
    EXPECT_EQ(log, "b0");
  });
}

TEST(Pool, WhatIsIdleForTooLongIsEndedInTime) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().idle_timeout(10s));
    {
      auto zero = co_await p.acquire();
      auto one = co_await p.acquire();
      zero.give_back();
      co_await sleep_for(4s);
    }
    co_await sleep_for(6s - 1ns);
    EXPECT_EQ(w.alive(), 2U);
    co_await sleep_for(1ns);
    EXPECT_FALSE(w.has(0));
    EXPECT_TRUE(w.has(1));
    EXPECT_EQ(p.size(), 1U);
    co_await sleep_for(4s);
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, WhatIsTooOldIsNotLentAgain) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().max_age(10s));
    {
      auto young = co_await p.acquire();
      co_await sleep_for(4s);
    }
    EXPECT_EQ(p.idle(), 1U);
    co_await sleep_for(5s);
    EXPECT_EQ((co_await p.acquire())->number(), 0);
    co_await sleep_for(1s);
    EXPECT_EQ(w.alive(), 0U);  // at its age, not when somebody asks
    {
      auto old = co_await p.acquire();
      co_await sleep_for(10s);
    }
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, AgeEndsWhatWouldGoFromHandToHand) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(1).max_age(1s));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(borrows(p, 'a', log));
      g.spawn(borrows(p, 'b', log));
      co_return;
    });
    EXPECT_EQ(log, "a0b1");
  });
}

TEST(Pool, KeepsNoMoreThanItMay) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().max_idle(1));
    {
      auto a = co_await p.acquire();
      auto b = co_await p.acquire();
    }
    EXPECT_EQ(p.size(), 1U);
    EXPECT_EQ(w.alive(), 1U);
    pool<thing> none(by(w), options().max_idle(0));
    {
      auto a = co_await none.acquire();
    }
    EXPECT_EQ(none.size(), 0U);
  });
}

TEST(Pool, AsksWhetherWhatWasIdleIsAlive) {
  simulate([]() -> task<> {
    workshop w;
    std::vector<int> asked;
    int dead = 0;
    pool<thing> p(by(w), options()
                             .check([&](thing& t) -> task<bool> {
                               asked.push_back(t.number());
                               co_await sleep_for(1ms);
                               co_return t.number() >= dead;
                             })
                             .check_after(5s));
    {
      auto a = co_await p.acquire();
      auto b = co_await p.acquire();
    }
    co_await sleep_for(5s - 1ns);
    {
      auto quick = co_await p.acquire();
    }
    EXPECT_EQ(asked, std::vector<int>());
    co_await sleep_for(5s);
    dead = 2;
    auto c = co_await p.acquire();
    EXPECT_EQ(asked.size(), 2U);
    EXPECT_EQ(c->number(), 2);
    EXPECT_EQ(w.alive(), 1U);
    EXPECT_EQ(p.size(), 1U);
  });
}

TEST(Pool, ACheckThatThrowsIsANo) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().check_after(0s).check(
                             [](thing&) -> task<bool> { throw std::runtime_error("gone"); }));
    {
      auto a = co_await p.acquire();
    }
    EXPECT_EQ((co_await p.acquire())->number(), 1);
  });
}

TEST(Pool, ACheckThatIsCancelledEndsWhatItAsked) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().check_after(0s).check([](thing&) -> task<bool> {
      co_await sleep_for(1h);
      co_return true;
    }));
    {
      auto a = co_await p.acquire();
    }
    EXPECT_FALSE(co_await try_for(1s, p.acquire()));
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, WithoutWaitingGivesOnlyWhatNeedNotBeAsked) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().check([](thing&) -> task<bool> { co_return true; }));
    EXPECT_FALSE(p.try_acquire());
    {
      auto a = co_await p.acquire();
    }
    EXPECT_TRUE(p.try_acquire());
    co_await sleep_for(1s);
    EXPECT_FALSE(p.try_acquire());
    EXPECT_EQ(p.idle(), 1U);
    co_await sleep_for(58s);
    EXPECT_EQ(p.idle(), 1U);
    co_await sleep_for(1s);
    EXPECT_EQ(p.idle(), 0U);  // who only looked at it has not made it idle anew
  });
}

TEST(Pool, WhatATaskWasUsingWhenItWasCancelledIsEnded) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    std::string log;
    EXPECT_FALSE(co_await try_for(500ms, borrows(p, 'a', log)));
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, WhatWasNotUsedComesBackFromACancelledTask) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    const auto holds = [&]() -> task<> {
      const auto lease = co_await p.acquire();
      co_await sleep_for(1h);
    };
    EXPECT_FALSE(co_await try_for(1s, holds()));
    EXPECT_EQ(p.idle(), 1U);
  });
}

TEST(Pool, WhatWasUsedWhenAnExceptionCameIsEnded) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    const auto fails = [&]() -> task<> {
      auto lease = co_await p.acquire();
      EXPECT_EQ(lease->number(), 0);
      throw std::runtime_error("in the middle of something");
    };
    EXPECT_THROW(co_await fails(), std::runtime_error);
    EXPECT_EQ(w.alive(), 0U);
  });
}

TEST(Pool, UsableSaysWhatComesBackHoweverItCame) {
  simulate([]() -> task<> {
    workshop w;
    bool usable = true;
    pool<thing> p(by(w), options().usable([&](thing&) { return usable; }));
    std::string log;
    EXPECT_FALSE(co_await try_for(500ms, borrows(p, 'a', log)));
    EXPECT_EQ(p.idle(), 1U);
    usable = false;
    co_await borrows(p, 'b', log);
    EXPECT_EQ(p.size(), 0U);
    EXPECT_EQ(log, "a0b0");
    pool<thing> throws(by(w), options().usable([](thing&) -> bool { throw 1; }));
    co_await borrows(throws, 'c', log);
    EXPECT_EQ(throws.size(), 0U);
  });
}

TEST(Pool, AWaiterCancelledInTheTurnItWasServedLosesNothing) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(1));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await p.acquire();
      auto first = g.spawn(p.acquire());
      auto second = g.spawn(p.acquire());
      co_await yield_now();
      mine.give_back();
      first.cancel();
      auto had = co_await first.join();
      EXPECT_TRUE(had.has_value());  // it happened
      had.value().give_back();
      EXPECT_EQ((co_await second)->number(), 0);
    });
    EXPECT_EQ(w.made(), 1);
    EXPECT_EQ(p.size(), 1U);
  });
}

TEST(Pool, ACancelledWaiterLeavesTheLine) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(1));
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(borrows(p, 'a', log));
      auto b = g.spawn(borrows(p, 'b', log));
      g.spawn(borrows(p, 'c', log));
      co_await sleep_for(500ms);
      b.cancel();
    });
    EXPECT_EQ(log, "a0c0");
  });
}

TEST(Pool, ClosedItRefusesAndEndsWhatComesBack) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w), options().limit(2));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto mine = co_await p.acquire();
      auto other = co_await p.acquire();
      g.spawn([&]() -> task<> { EXPECT_THROW((void)co_await p.acquire(), pool_closed); });
      co_await yield_now();
      p.close();
      p.close();
      EXPECT_TRUE(p.closed());
      EXPECT_EQ(mine->number(), 0);
      EXPECT_THROW((void)co_await p.acquire(), pool_closed);
      EXPECT_FALSE(p.try_acquire());
    });
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, ClosedItEndsWhatItKeeps) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    {
      auto kept = co_await p.acquire();
    }
    EXPECT_EQ(w.alive(), 1U);
    p.close();
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, ClosedWhileOneIsMadeItIsRefused) {
  simulate([]() -> task<> {
    workshop w;
    w.takes(1s);
    pool<thing> p(by(w));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_THROW((void)co_await p.acquire(), pool_closed); });
      co_await sleep_for(500ms);
      p.close();
    });
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  });
}

TEST(Pool, WhatItKeepsGoesWithItsLoopAndItServesAnother) {
  workshop w;
  pool<thing> p(by(w));
  for (int round = 0; round < 2; ++round) {
    simulate([&]() -> task<> {
      auto lease = co_await p.acquire();
      EXPECT_EQ(lease->number(), round);
    });
    EXPECT_EQ(w.alive(), 0U);
    EXPECT_EQ(p.size(), 0U);
  }
}

TEST(Pool, WhatComesBackWithTheMainTasksArgumentsIsEndedToo) {
  workshop w;
  pool<thing> p(by(w));
  std::optional<pool<thing>::lease> kept;
  simulate([&]() -> task<> { kept.emplace(co_await p.acquire()); });
  kept.reset();  // where no loop runs
  EXPECT_EQ(w.alive(), 0U);
  run(
      [&](pool<thing>::lease lease) -> task<> {
        lease = co_await p.acquire();
        (void)lease->number();
      },
      pool<thing>::lease());
  EXPECT_EQ(w.alive(), 0U);
  EXPECT_EQ(p.size(), 0U);
}

TEST(Pool, ALeaseMovesAndIsGivenBackOnce) {
  simulate([]() -> task<> {
    workshop w;
    pool<thing> p(by(w));
    auto a = co_await p.acquire();
    auto b = co_await p.acquire();
    a = std::move(b);
    EXPECT_EQ(p.idle(), 1U);
    EXPECT_EQ(a->number(), 1);
    EXPECT_FALSE(b);  // NOLINT(bugprone-use-after-move)
    auto& itself = a;
    a = std::move(itself);
    EXPECT_TRUE(a);
    a.give_back();
    a.give_back();
    a.discard();
    EXPECT_EQ(p.idle(), 2U);
  });
}

TEST(Pool, NoPlacesAtAllAreAnInvalidArgument) {
  EXPECT_THROW(options().limit(0), std::invalid_argument);
  EXPECT_THROW(options().limit(-1), std::invalid_argument);
}

TEST(PoolDeathTest, DestroyedWhileALeaseIsOut) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 workshop w;
                 std::optional<pool<thing>> p(std::in_place, by(w));
                 const auto lease = co_await p->acquire();
                 p.reset();
               }),
               "rondo: a pool was destroyed while a lease of it was out");
}

TEST(PoolDeathTest, DestroyedWhileATaskWaitsForIt) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 workshop w;
                 std::optional<pool<thing>> p(std::in_place, by(w), options().limit(1));
                 co_await with_task_group([&](task_group& g) -> task<> {
                   const auto lease = co_await p->acquire();
                   g.spawn(p->acquire());
                   co_await yield_now();
                   p.reset();
                 });
               }),
               "rondo: a pool was destroyed while a task waited for it");
}

// Cancelled waiters, things that are dead or cannot be made, limits and ages, drawn from a seed:
// the line is served in order, no place is lost and none is taken twice.
class pool_model {
 public:
  explicit pool_model(schedule& s)
      : s_(s),
        limit_(s.below(3) + 1),
        pool_([this] { return make(); },
              options()
                  .limit(limit_)
                  .max_idle(s.below(4))
                  .idle_timeout(few(1, 6))
                  .max_age(few(1, 12))
                  .check_after(few(0, 4))
                  .check([this](thing&) { return ask(); })
                  .usable([this](thing&) { return s_.random.chance(0.8); })) {}

  task<> operate(std::size_t me) {
    look();
    if (s_.marked(me)) co_return;  // what it awaited would not start
    if (s_.random.chance(0.15)) {
      if (auto lease = pool_.try_acquire()) {
        EXPECT_TRUE(line_.empty());
        ++in_hands_;
        const held here{*this, std::move(lease)};
        co_await s_.pause();
      }
      co_return;
    }
    if (line_.empty() && in_hands_ < limit_)
      take(me);
    else
      line_.push_back(me);
    attempt trying{*this, me};
    pool<thing>::lease lease;
    try {
      lease = co_await pool_.acquire();
    } catch (const std::runtime_error&) {
      co_return;
    }
    EXPECT_EQ(served_.erase(me), 1U) << "it was not its turn";
    const held here{*this, std::move(lease)};
    look();
    co_await s_.pause();
  }
  void cancelled(std::size_t who) { std::erase(line_, who); }
  bool may_wait(std::size_t) const { return false; }
  void at_end() {
    EXPECT_TRUE(served_.empty());
    EXPECT_EQ(in_hands_, 0U);
    look();
    EXPECT_EQ(workshop_.alive(), 0U);  // an hour has passed
  }

 private:
  // From standing in line to the lease, or to an end without one.
  struct attempt {
    pool_model& model;
    std::size_t me;
    ~attempt() {
      if (model.served_.erase(me) == 1) model.free_one();
      model.look();
    }
  };
  struct held {
    pool_model& model;
    mutable pool<thing>::lease lease;
    ~held() {
      model.free_one();
      if (model.s_.random.chance(0.5)) EXPECT_TRUE(model.workshop_.has(lease->number()));
      if (model.s_.random.chance(0.2))
        lease.discard();
      else
        lease.give_back();
      model.look();
    }
  };
  void take(std::size_t who) {
    ++in_hands_;
    served_.insert(who);
  }
  void free_one() {
    --in_hands_;
    if (line_.empty()) return;
    take(line_.front());
    line_.pop_front();
  }
  void look() const {
    EXPECT_EQ(pool_.lent(), in_hands_);
    EXPECT_EQ(pool_.waiting(), line_.size());
    EXPECT_LE(pool_.size(), limit_);
    EXPECT_LE(workshop_.alive(), pool_.size());
    if (!line_.empty()) {
      EXPECT_EQ(pool_.idle(), 0U);
      EXPECT_EQ(in_hands_, limit_);
    }
  }

  std::chrono::nanoseconds few(int least, int most) {
    return std::chrono::nanoseconds(s_.random.between(least, most));
  }
  task<thing> make() {
    if (s_.random.chance(0.5)) co_await sleep_for(few(0, 3));
    workshop_.fails(s_.random.chance(0.2));
    co_return co_await workshop_.make();
  }
  task<bool> ask() {
    if (s_.random.chance(0.5)) co_await sleep_for(few(0, 3));
    if (s_.random.chance(0.1)) throw std::runtime_error("dead");
    co_return s_.random.chance(0.7);
  }

  schedule& s_;
  std::size_t limit_;
  std::size_t in_hands_ = 0;
  std::deque<std::size_t> line_;
  std::set<std::size_t> served_;  // and may not know it yet
  workshop workshop_;
  pool<thing> pool_;
};

TEST(Schedules, Pool) { random_schedules<pool_model>(1000); }

}  // namespace
}  // namespace pool_test
