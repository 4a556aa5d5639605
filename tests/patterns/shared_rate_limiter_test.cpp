#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(SharedRateLimiter, IsTheSameBucket) {
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    detail::random_source random(seed);
    const auto options = rate_limiter::options(1, nanoseconds(random.between(1, 7)))
                             .burst(static_cast<std::uint32_t>(random.between(1, 4)));
    rate_limiter one(options);
    shared_rate_limiter other(options);
    nanoseconds now = 1000h;
    for (int i = 0; i < 20; ++i) {
      now += nanoseconds(random.between(0, 5));
      const auto n = static_cast<std::uint32_t>(random.between(1, 5));
      const auto a = one.try_acquire(rate_limiter::time_point(now), n);
      const auto b = other.try_acquire(rate_limiter::time_point(now), n);
      ASSERT_EQ(a.has_value(), b.has_value());
      if (a) {
        ASSERT_EQ(a->retry_after, b->retry_after);
      }
    }
  }
}

TEST(SharedRateLimiter, WaitsToTheNanosecondAndRefusesWhatTheLineCannotHold) {
  simulate([]() -> task<> {
    shared_rate_limiter l(rate_limiter::options(1, 10ms).queue(2));
    const auto before = this_loop().now();
    std::vector<nanoseconds> turns;
    std::vector<task<outcome<void>>> calls;
    for (int i = 0; i < 4; ++i)
      calls.push_back(l.run([&]() -> task<> {
        turns.push_back(this_loop().now() - before);
        co_return;
      }));
    const auto ends = co_await gather(std::move(calls));
    EXPECT_EQ(turns, (std::vector<nanoseconds>{0ms, 10ms, 20ms}));
    EXPECT_EQ(rejection::of(ends[3])->retry_after, 10ms);
  });
}

TEST(SharedRateLimiter, TheLatestReservationIsRefundedWhenItIsCancelled) {
  simulate([]() -> task<> {
    shared_rate_limiter l(rate_limiter::options(1, 10ms).queue(9));
    co_await l.acquire();
    EXPECT_FALSE(co_await try_for(4ms, [&]() -> task<> { co_await l.acquire(); }));
    const auto before = this_loop().now();
    co_await l.acquire();
    EXPECT_EQ(this_loop().now() - before, 6ms);
  });
}

namespace {

// One second a token and one taken; `n` calls wait. Those whose numbers are in `leave` are
// cancelled, in that order, in one turn. Then: how long a call waits that comes now.
nanoseconds wait_behind(std::size_t n, const std::vector<std::size_t>& leave) {
  return simulate([&]() -> task<nanoseconds> {
    shared_rate_limiter l(rate_limiter::options(1, 1s).queue(100));
    co_await l.acquire();
    nanoseconds wait{};
    co_await with_task_group([&](task_group& g) -> task<> {
      std::vector<join_handle<void>> calls;
      for (std::size_t i = 0; i < n; ++i)
        calls.push_back(g.spawn([&]() -> task<> { co_await l.acquire(); }));
      co_await yield_now();
      for (const std::size_t i : leave) calls[i].cancel();
      co_await yield_now();
      const auto before = this_loop().now();
      co_await l.acquire();
      wait = this_loop().now() - before;
      g.cancel();
    });
    co_return wait;
  });
}

}  // namespace

TEST(SharedRateLimiter, WhatCancelledCallsHadReservedIsGivenBackWhenNobodyStandsBehindThem) {
  EXPECT_EQ(wait_behind(5, {0, 1, 2, 3, 4}), 1s);
  EXPECT_EQ(wait_behind(5, {4, 3, 2, 1, 0}), 1s);
  EXPECT_EQ(wait_behind(5, {2, 0, 4, 1, 3}), 1s);
  EXPECT_EQ(wait_behind(5, {1, 2, 3, 4}), 2s);  // one stands
  EXPECT_EQ(wait_behind(5, {2, 4, 3}), 3s);     // two stand
  EXPECT_EQ(wait_behind(5, {0, 1, 2, 3}), 6s);  // the last one has its time already
  EXPECT_EQ(wait_behind(5, {0, 2, 4, 3}),
            3s);  // the second keeps its time, and the first's is lost to it
}

TEST(SharedRateLimiter, WhoCancelsAllItsCallsAtOnceOwesNothing) {
  simulate([]() -> task<> {
    shared_rate_limiter l(rate_limiter::options(1, 1s).queue(100));
    co_await l.acquire();
    for (int round = 0; round < 3; ++round) {
      (void)co_await try_for(10ms, [&]() -> task<> {
        co_await gather(l.run([]() -> task<> { co_return; }), l.run([]() -> task<> { co_return; }),
                        l.run([]() -> task<> { co_return; }));
      });
    }
    const auto before = this_loop().now();
    co_await l.acquire();
    EXPECT_EQ(this_loop().now() - before, 1s - 30ms);
  });
}

// Against a model: a call waits for the tokens of those that stand before it and of those that it
// cannot move past, and for no others.
TEST(SharedRateLimiter, GivesBackAsAModelDoesInAThousandHistories) {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    detail::random_source random(seed);
    const auto n = static_cast<std::size_t>(random.between(1, 8));
    std::vector<std::size_t> leave;
    std::vector<bool> gone(n);
    for (auto i = random.between(0, static_cast<std::int64_t>(n)); i > 0; --i) {
      const auto who =
          static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(n) - 1));
      if (!gone[who]) leave.push_back(who);
      gone[who] = true;
    }
    std::size_t last = n;
    while (last > 0 && gone[last - 1]) --last;
    ASSERT_EQ(wait_behind(n, leave), 1s * (last + 1)) << "seed " << seed;
  }
}

TEST(SharedRateLimiter, GivesBackAcrossThreads) {
  shared_rate_limiter l(rate_limiter::options(1, 1h).burst(1).queue(1'000'000));
  ASSERT_FALSE(l.try_acquire());
  run_on_threads(4, [&](std::size_t) -> task<> {
    for (int round = 0; round < 50; ++round)
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 10; ++i) g.spawn([&]() -> task<> { co_await l.acquire(); });
        co_await yield_now();
        g.cancel();
      });
  });
  const auto refusal = l.try_acquire();
  ASSERT_TRUE(refusal);
  EXPECT_LE(refusal->retry_after, 1h);
}

TEST(SharedRateLimiter, CancelledAtEveryWaitLeavesNothing) {
  std::unique_ptr<shared_rate_limiter> l;
  const auto n = cancel_at_every_wait(reactor_kind::simulated, [&]() -> task<> {
    l = std::make_unique<shared_rate_limiter>(rate_limiter::options(10, 1s).burst(1).queue(9));
    const auto call = []() -> task<> { co_await sleep_for(1ms); };
    (void)co_await gather(l->run(call), l->run(call), l->run(call));
  });
  EXPECT_EQ(n.at_rest, 6U);
}

TEST(SharedRateLimiter, ThreadsTogetherGetNoMoreThanTheRate) {
  shared_rate_limiter l(rate_limiter::options(1, 1ms).burst(100));
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        // Everyone's clock goes from 0 to 200 ms.
        const auto now = shared_rate_limiter::time_point(1000h + i * 10us);
        if (!l.try_acquire(now)) admitted.fetch_add(1, std::memory_order_relaxed);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(admitted.load(), 100 + 199);
}

TEST(SharedRateLimiter, LoopsOnSeveralThreadsShareTheRate) {
  shared_rate_limiter l(rate_limiter::options(1, 20us).burst(1).queue(1000));
  const auto begun = std::chrono::steady_clock::now();
  run_on_threads(3, [&](std::size_t) -> task<> {
    for (int i = 0; i < 100; ++i) co_await l.acquire();
  });
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 299 * 20us);
}

#ifndef RONDO_TEST_SANITIZED
TEST(SharedRateLimiter, AllocatesNothing) {
  simulate([]() -> task<> {
    shared_rate_limiter l(rate_limiter::options(1, 1ms).queue(4));
    const auto call = []() -> task<int> { co_return 1; };
    (void)co_await l.run(call);
    (void)co_await l.run(call);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await l.run(call);
    EXPECT_EQ(allocations(), before);
  });
}
#endif
