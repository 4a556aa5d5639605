#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/runtime.hpp>

#include <chrono>
#include <string>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;

CONFORMANCE(Sleep, NeverEndsEarly) {
  for (const auto d : {1us, 50us, 999us, 3000us}) {
    const auto start = this_loop().now();
    const auto clock = std::chrono::steady_clock::now();
    co_await sleep_for(d);
    EXPECT_GE(this_loop().now() - start, d);
    if (reactor != reactor_kind::simulated) EXPECT_GE(std::chrono::steady_clock::now() - clock, d);
  }
}

CONFORMANCE(Sleep, UntilNeverEndsEarly) {
  for (int i = 0; i < 20; ++i) {
    const auto end = this_loop().now() + i * 100us;
    co_await sleep_until(end);
    EXPECT_GE(this_loop().now(), end);
  }
}

CONFORMANCE(Sleep, ALongStepBeforeASleepDoesNotMakeItEndEarly) {
  co_await yield_now();
  const auto busy = std::chrono::steady_clock::now() + 5ms;
  while (std::chrono::steady_clock::now() < busy) {
  }
  const auto start = std::chrono::steady_clock::now();
  const auto virtual_start = this_loop().now();
  co_await sleep_for(2ms);
  if (reactor == reactor_kind::simulated)
    EXPECT_EQ(this_loop().now() - virtual_start, 2ms);
  else
    EXPECT_GE(std::chrono::steady_clock::now() - start, 2ms);
}

CONFORMANCE(Sleep, ZeroAndNegativeEndAtOnce) {
  co_await sleep_for(0ns);
  co_await sleep_for(-1h);
  co_await sleep_for(std::chrono::nanoseconds::min());
  co_await sleep_until(this_loop().now() - 1h);
  co_await sleep_until(std::chrono::steady_clock::time_point::min());
}

CONFORMANCE(Sleep, HugeOnesLastUntilCancelled) {
  EXPECT_FALSE(co_await try_for(1ms, sleep_for(std::chrono::hours::max())));
  EXPECT_FALSE(co_await try_for(1ms, sleep_until(std::chrono::steady_clock::time_point::max())));
}

CONFORMANCE(Sleep, EqualDeadlinesEndInOrderOfCreation) {
  std::string log;
  const auto end = this_loop().now() + 2ms;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (char c = 'a'; c <= 'p'; ++c)
      g.spawn([&, c]() -> task<> {
        co_await sleep_until(end);
        log += c;
      });
    co_return;
  });
  EXPECT_EQ(log, "abcdefghijklmnop");
}

CONFORMANCE(Sleep, ManyEndInTheOrderOfTheirDeadlines) {
  std::vector<int> order;
  const auto start = this_loop().now();
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 1000; ++i) {
      const int at = i * 7919 % 1000;
      g.spawn([&, at]() -> task<> {
        co_await sleep_until(start + at * 2us);
        order.push_back(at);
      });
    }
    co_return;
  });
  EXPECT_EQ(order.size(), 1000U);
  if (reactor == reactor_kind::simulated) EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

CONFORMANCE_RUNS(Sleep, IsCancelledAtEveryWait) {
  int done = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        done = 0;
        co_await sleep_for(10us);
        ++done;
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 3; ++i)
            g.spawn([&]() -> task<> {
              co_await sleep_for(20us);
              ++done;
            });
          co_await sleep_for(0us);
          ++done;
        });
        co_await yield_now();
      },
      [&](outcome<void>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) EXPECT_EQ(done, 5);
      });
  EXPECT_EQ(n.at_rest, 7U);
  EXPECT_EQ(n.posted, 7U);
  EXPECT_GE(n.at_wake, 7U);
}

}  // namespace
