#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/schedules.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace rate_limiter_test {

namespace {

rate_limiter::time_point at(nanoseconds d) { return rate_limiter::time_point(1000h + d); }

task<int> ready() { co_return 1; }

// Which argument is wrong, and why.
template <class F>
std::string sentence(F fn) {
  try {
    fn();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST(RateLimiter, AdmitsABurstThenOneAnInterval) {
  rate_limiter l(rate_limiter::options(10, 1s).burst(3));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(l.try_acquire(at(0s)));
  EXPECT_EQ(l.try_acquire(at(0s))->retry_after, 100ms);
  EXPECT_EQ(l.try_acquire(at(40ms))->retry_after, 60ms);
  EXPECT_EQ(l.try_acquire(at(100ms - 1ns))->retry_after, 1ns);
  EXPECT_FALSE(l.try_acquire(at(100ms)));
  EXPECT_EQ(l.try_acquire(at(100ms))->retry_after, 100ms);
  EXPECT_EQ(l.try_acquire(at(100ms))->reason, rejection_reason::rate_limited);
}

TEST(RateLimiter, HoldsAsManyCallsAsTheRateNamesUnlessToldOtherwise) {
  rate_limiter l({5, 1s});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(l.try_acquire(at(0s)));
  EXPECT_EQ(l.try_acquire(at(0s))->retry_after, 200ms);
}

TEST(RateLimiter, APauseFillsTheBucketAndNotMore) {
  rate_limiter l(rate_limiter::options(1000, 1s).burst(2));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(l.try_acquire(at(0s)));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(l.try_acquire(at(1h)));
  EXPECT_EQ(l.try_acquire(at(1h))->retry_after, 1ms);
}

TEST(RateLimiter, SeveralTokensComeTogether) {
  rate_limiter l(rate_limiter::options(1000, 1s).burst(10));
  EXPECT_FALSE(l.try_acquire(at(0s), 8));
  EXPECT_EQ(l.try_acquire(at(0s), 5)->retry_after, 3ms);
  EXPECT_FALSE(l.try_acquire(at(0s), 2));
  EXPECT_EQ(l.try_acquire(at(0s), 11)->retry_after, nanoseconds::max());
  EXPECT_THROW((void)l.acquire(11), std::invalid_argument);
}

TEST(RateLimiter, TheIntervalIsRoundedUpToWholeNanoseconds) {
  EXPECT_EQ(rate_limiter::options(3, 1s).interval(), 333'333'334ns);
  EXPECT_EQ(rate_limiter::options(1'000'000'000, 1s).interval(), 1ns);
  EXPECT_EQ(rate_limiter::options(600'000'000, 1s).interval(), 2ns);
}

TEST(RateLimiter, TheLineIsServedToTheNanosecond) {
  simulate([]() -> task<> {
    rate_limiter l(rate_limiter::options(3, 1s).burst(1).queue(3));
    const auto before = this_loop().now();
    std::vector<nanoseconds> turns;
    std::vector<task<outcome<void>>> calls;
    for (int i = 0; i < 5; ++i)
      calls.push_back(l.run([&]() -> task<> {
        turns.push_back(this_loop().now() - before);
        co_return;
      }));
    const auto ends = co_await gather(std::move(calls));
    EXPECT_EQ(turns,
              (std::vector<nanoseconds>{0ns, 333'333'334ns, 666'666'668ns, 1'000'000'002ns}));
    EXPECT_EQ(rejection::of(ends[4])->retry_after, 333'333'334ns);  // then the line has a place
  });
}

TEST(RateLimiter, ARefusedCallIsAdmittedAtItsRetryAfterAndNotBefore) {
  simulate([]() -> task<> {
    rate_limiter l(rate_limiter::options(1, 10ms).queue(1).max_wait(15ms));
    (void)co_await l.run(ready);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { co_await l.acquire(); });
      co_await sleep_for(1ms);
      const auto refused = co_await as_result(l.acquire());
      EXPECT_EQ(rejection::of(refused)->retry_after, 9ms);
      co_await sleep_for(9ms - 1ns);
      EXPECT_EQ(rejection::of(co_await as_result(l.acquire()))->retry_after, 1ns);
      co_await sleep_for(1ns);
      EXPECT_TRUE((co_await as_result(l.acquire())).has_value());
    });
  });
}

TEST(RateLimiter, AWaitLongerThanAskedIsRefusedAtOnce) {
  simulate([]() -> task<> {
    rate_limiter l(rate_limiter::options(1, 10ms).queue(9).max_wait(5ms));
    co_await l.acquire();
    const auto before = this_loop().now();
    EXPECT_EQ(rejection::of(co_await as_result(l.acquire()))->retry_after, 5ms);
    EXPECT_EQ(this_loop().now(), before);
    co_await sleep_for(5ms);
    co_await l.acquire();
    EXPECT_EQ(this_loop().now() - before, 10ms);
  });
}

TEST(RateLimiter, ACancelledReservationIsRefunded) {
  simulate([]() -> task<> {
    rate_limiter l(rate_limiter::options(1, 10ms).queue(9));
    co_await l.acquire();
    const auto before = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      std::vector<nanoseconds> turns;
      const auto call = [&]() -> task<> {
        co_await l.acquire();
        turns.push_back(this_loop().now() - before);
      };
      auto a = g.spawn(call);
      auto b = g.spawn(call);
      auto c = g.spawn(call);
      auto d = g.spawn(call);
      co_await sleep_for(3ms);
      b.cancel();
      co_await sleep_for(12ms);  // 15 ms: a has had its turn
      c.cancel();
      (void)co_await d.join();
      EXPECT_EQ(turns, (std::vector<nanoseconds>{10ms, 20ms}));
    });
    EXPECT_EQ(l.waiting(), 0U);
  });
}

TEST(RateLimiter, ASmallCallDoesNotPassALargeOne) {
  simulate([]() -> task<> {
    rate_limiter l(rate_limiter::options(10, 10ms).queue(9));
    EXPECT_FALSE(l.try_acquire(5));
    std::string trace;
    const auto before = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto large = g.spawn([&]() -> task<> {
        co_await l.acquire(10);
        trace += "large";
      });
      g.spawn([&]() -> task<> {
        co_await l.acquire(1);
        trace += "small at " + std::to_string((this_loop().now() - before) / 1ms);
      });
      co_await sleep_for(1ms);
      EXPECT_TRUE(l.try_acquire(1));
      large.cancel();  // whom it held up goes on at once
    });
    EXPECT_EQ(trace, "small at 1");
  });
}

TEST(RateLimiter, TheThrowingFormThrowsRejected) {
  simulate([]() -> task<> {
    rate_limiter l({1, 1s});
    EXPECT_EQ(co_await l(ready), 1);
    nanoseconds wait{};
    try {
      co_await l(ready);
    } catch (const rejected& r) {
      wait = r.retry_after();
    }
    EXPECT_EQ(wait, 1s);
  });
}

// --- against a model -----------------------------------------------------------------------------

namespace {

using id = std::size_t;

// The bucket as it is told: so much per nanosecond runs in, up to the rim; nothing is computed
// ahead.
class bucket_by_ticks {
 public:
  bucket_by_ticks(std::int64_t interval, std::int64_t burst, nanoseconds now)
      : interval_(interval), rim_(interval * burst), level_(rim_), now_(now) {}

  // Whoever is first in the line is served in the nanosecond in which there is enough.
  void pass(nanoseconds until) {
    while (now_ < until) {
      if (line.empty() && level_ == rim_) now_ = until - 1ns;
      ++now_;
      level_ = std::min(level_ + 1, rim_);
      serve();
    }
  }
  void serve() {
    while (!line.empty() && take(line.front().second)) {
      served.insert(line.front().first);
      line.pop_front();
    }
  }
  bool take(std::int64_t tokens) {
    if (level_ < tokens * interval_) return false;
    level_ -= tokens * interval_;
    return true;
  }
  // How long until all in the line and then these are served.
  nanoseconds wait(std::int64_t tokens) const {
    bucket_by_ticks later = *this;
    later.line.push_back({id(-1), tokens});
    later.serve();
    while (!later.line.empty()) later.pass(later.now_ + 1ns);
    return later.now_ - now_;
  }
  nanoseconds wait_for_the_first() const {
    bucket_by_ticks later = *this;
    while (later.line.size() == line.size()) later.pass(later.now_ + 1ns);
    return later.now_ - now_;
  }

  std::deque<std::pair<id, std::int64_t>> line;
  std::set<id> served;

 private:
  std::int64_t interval_;
  std::int64_t rim_;
  std::int64_t level_;
  nanoseconds now_;
};

class limiter_model {
 public:
  explicit limiter_model(schedule& s)
      : s_(s),
        interval_(static_cast<std::int64_t>(s.below(5)) + 1),
        burst_(s.below(3) + 1),
        queue_(s.below(4)),
        max_wait_(s.random.chance(0.3) ? nanoseconds(s.below(6)) : nanoseconds(1h)),
        bucket_(interval_, static_cast<std::int64_t>(burst_), time()),
        l_(rate_limiter::options(1, nanoseconds(interval_))
               .burst(static_cast<std::uint32_t>(burst_))
               .queue(queue_)
               .max_wait(max_wait_)) {}

  task<> operate(id me) {
    look();
    const auto n = static_cast<std::uint32_t>(s_.below(burst_) + 1);
    const nanoseconds wait = bucket_.wait(n);
    const bool now = bucket_.line.empty() && bucket_.take(n);
    if (s_.random.chance(0.3)) {
      const auto refused = l_.try_acquire(n);
      EXPECT_EQ(!refused, now);
      if (refused) {
        EXPECT_EQ(refused->retry_after, wait);
      }
      co_return;
    }
    nanoseconds refused_for{};
    if (now) {
      bucket_.served.insert(me);
    } else if (!s_.marked(me)) {
      if (bucket_.line.size() >= queue_)
        refused_for = bucket_.line.empty() ? wait : bucket_.wait_for_the_first();
      if (wait > max_wait_) refused_for = std::max(refused_for, wait - max_wait_);
      if (refused_for == 0ns) bucket_.line.push_back({me, n});
    }
    const auto o = co_await as_result(l_.acquire(n));
    bucket_.pass(time());
    if (const auto refused = rejection::of(o)) {
      EXPECT_EQ(refused->retry_after, refused_for);
      EXPECT_GT(refused_for, 0ns);
    } else {
      EXPECT_EQ(bucket_.served.erase(me), 1U) << "it was not its turn";
    }
    look();
  }
  void cancelled(id who) {
    bucket_.pass(time());
    std::erase_if(bucket_.line, [&](const auto& w) { return w.first == who; });
    bucket_.serve();
  }
  bool may_wait(id) const { return false; }
  void at_end() {
    look();
    EXPECT_EQ(l_.waiting(), 0U);
    EXPECT_EQ(l_.available(), burst_);
  }

 private:
  static nanoseconds time() { return this_loop().now().time_since_epoch(); }
  void look() {
    bucket_.pass(time());
    EXPECT_EQ(l_.waiting(), bucket_.line.size());
  }

  schedule& s_;
  std::int64_t interval_;
  std::size_t burst_;
  std::size_t queue_;
  nanoseconds max_wait_;
  bucket_by_ticks bucket_;
  rate_limiter l_;
};

}  // namespace

TEST(RateLimiter, FollowsTheModelInTenThousandSchedules) {
  random_schedules<limiter_model>(10'000);
}

TEST(RateLimiter, FollowsTheModelInAHundredThousandHistories) {
  for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
    detail::random_source random(seed);
    const std::int64_t interval = random.between(1, 7);
    const std::int64_t burst = random.between(1, 4);
    nanoseconds now = 1000h;
    bucket_by_ticks model(interval, burst, now);
    rate_limiter l(
        rate_limiter::options(1, nanoseconds(interval)).burst(static_cast<std::uint32_t>(burst)));
    for (int i = 0; i < 20; ++i) {
      now += nanoseconds(random.between(0, random.chance(0.1) ? 40 : 4));
      model.pass(now);
      const std::int64_t n = random.between(1, burst);
      const nanoseconds wait = model.wait(n);
      const auto refused =
          l.try_acquire(rate_limiter::time_point(now), static_cast<std::uint32_t>(n));
      ASSERT_EQ(!refused, model.take(n)) << "seed " << seed;
      if (refused) {
        ASSERT_EQ(refused->retry_after, wait) << "seed " << seed;
      }
    }
  }
}

TEST(RateLimiter, CancelledAtEveryWaitLosesNoToken) {
  std::unique_ptr<rate_limiter> l;
  int admitted = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        admitted = 0;
        l = std::make_unique<rate_limiter>(rate_limiter::options(10, 1s).burst(1).queue(9));
        const auto call = [&]() -> task<> {
          ++admitted;
          co_await sleep_for(1ms);
        };
        (void)co_await gather(l->run(call), l->run(call), l->run(call), l->run(call));
      },
      [&] {
        EXPECT_EQ(l->waiting(), 0U);
        EXPECT_LE(admitted, 4);
      });
  EXPECT_EQ(n.at_rest, 8U);
}

TEST(RateLimiter, WrongOptionsAreRefusedWithASentence) {
  const auto max = nanoseconds::max();
  EXPECT_EQ(sentence([] { rate_limiter::options(0, 1s); }),
            "rate_limiter: a rate of 0 calls would admit none");
  EXPECT_EQ(sentence([] { rate_limiter::options(1, 0s); }),
            "rate_limiter: the time for the calls must be positive");
  EXPECT_EQ(sentence([] { rate_limiter::options(1, -1s); }),
            "rate_limiter: the time for the calls must be positive");
  EXPECT_EQ(sentence([] { rate_limiter::options(11, 10ns); }),
            "rate_limiter: at most one call in a nanosecond can be counted");
  EXPECT_EQ(sentence([] { rate_limiter::options(1, 1s).burst(0); }),
            "rate_limiter: a burst of 0 calls would admit none");
  EXPECT_EQ(
      sentence([max] { rate_limiter::options(1, max / 4).burst(2); }),
      "rate_limiter: the bucket (burst times interval) would take longer than 73 years to fill");
  EXPECT_EQ(sentence([] { rate_limiter::options(1, 1s).max_wait(-1ns); }),
            "rate_limiter: the longest wait must not be negative");
}

TEST(RateLimiter, EndsTheProgramWhenItGoesWhileSomebodyWaits) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(simulate([]() -> task<> {
                 auto l = std::make_unique<rate_limiter>(rate_limiter::options(1, 1s).queue(1));
                 co_await l->acquire();
                 co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn([](rate_limiter& r) -> task<> { co_await r.acquire(); }, std::ref(*l));
                   co_await yield_now();
                   l.reset();
                 });
               }),
               "a rate_limiter was destroyed");
}

#ifndef RONDO_TEST_SANITIZED
TEST(RateLimiter, AllocatesNothing) {
  simulate([]() -> task<> {
    rate_limiter l(rate_limiter::options(1, 1ms).queue(4));
    const auto two = [&]() -> task<> {
      auto first = l.run(ready);
      auto second = l.run(ready);
      co_await gather(std::move(first), std::move(second));
    };
    co_await two();  // fills the frame pool and the timer heap
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) co_await two();
    EXPECT_EQ(allocations(), before);
  });
}
#endif

}  // namespace rate_limiter_test
