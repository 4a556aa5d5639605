#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/runtime.hpp>

#include <chrono>
#include <latch>
#include <stdexcept>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;

task<int> after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  co_return n;
}

CONFORMANCE(Timeout, EndsATaskAtItsDeadlineAndNotBefore) {
  const auto start = this_loop().now();
  EXPECT_THROW(co_await timeout(2ms, after(1h, 1)), timed_out);
  EXPECT_GE(this_loop().now() - start, 2ms);
  EXPECT_EQ(co_await timeout(1h, after(1ms, 2)), 2);
}

CONFORMANCE(Timeout, WaitsForTheCleanup) {
  bool cleaned = false;
  EXPECT_THROW(co_await timeout(1ms, finally(after(1h, 1),
                                             [&]() -> task<> {
                                               co_await sleep_for(2ms);
                                               cleaned = true;
                                             })),
               timed_out);
  EXPECT_TRUE(cleaned);
}

CONFORMANCE(Timeout, OfAThousandNestedOnesOnlyTheOutermostThrows) {
  struct nest {
    static task<> level(int n, int& converted) {
      try {
        if (n == 0)
          co_await sleep_for(1h);
        else
          co_await timeout(1ms, level(n - 1, converted));
      } catch (const timed_out&) {
        ++converted;
        throw;
      }
    }
  };
  int converted = 0;
  // Every deadline falls in one turn or the next: the outermost was armed first.
  EXPECT_THROW(co_await timeout(1ns, nest::level(1000, converted)), timed_out);
  EXPECT_EQ(converted, 0);
}

// A call in a thread cannot be taken back: it ends, and then its child uses what the body holds.
CONFORMANCE(TaskGroup, KeepsWhatItsBodyHoldsForAChildWhoseThreadIsBusy) {
  const bool simulated = detail::this_core().simulated();  // where calls run at once
  for (const bool made_by_group : {true, false}) {
    int put = 0;
    std::latch begun(1);
    std::latch may_end(1);
    co_await with_task_group([&](task_group& all) -> task<> {
      auto body = all.spawn(with_task_group([&](task_group& g) -> task<> {
        queue<int> local(10);
        queue<int>& q = made_by_group ? g.make<queue<int>>(10) : local;
        g.spawn([&]() -> task<> {
          const int n = co_await to_thread([&] {
            begun.count_down();
            if (!simulated) may_end.wait();
            return 1;
          });
          put += q.try_put(n) ? 1 : 0;
        });
        while (co_await q.next()) {
        }
      }));
      while (!begun.try_wait()) co_await yield_now();
      body.cancel();
      may_end.count_down();
      EXPECT_TRUE((co_await body.join()).is_cancelled());
    });
    EXPECT_EQ(put, 1);
  }
}

CONFORMANCE(Finally, RunsItsCleanupShielded) {
  int steps = 0;
  EXPECT_FALSE(co_await try_for(1ms, finally(sleep_for(1h), [&]() -> task<> {
                                  for (int i = 0; i < 3; ++i) {
                                    co_await sleep_for(100us);
                                    ++steps;
                                  }
                                })));
  EXPECT_EQ(steps, 3);
}

CONFORMANCE(TaskGroup, AFailureStopsTheOthers) {
  EXPECT_THROW(co_await with_task_group([](task_group& g) -> task<> {
                 for (int i = 0; i < 10; ++i) g.spawn(sleep_for(1h));
                 co_await sleep_for(1ms);
                 throw std::out_of_range("x");
               }),
               std::out_of_range);
}

CONFORMANCE(TaskGroup, ATaskAwokenByATimerAndOneAwokenByAnotherTakeTurns) {
  queue<int> there(1);
  queue<int> back(1);
  int hops = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      while (const auto n = co_await there.next()) co_await back.put(*n + 1);
      back.close();
    });
    for (int i = 0; i < 1000; ++i) {
      co_await there.put(i);
      EXPECT_EQ(co_await back.get(), i + 1);
      ++hops;
    }
    there.close();
  });
  EXPECT_EQ(hops, 1000);
}

// The deadline of the scenario's own may come before or after each cancellation on a real clock.
CONFORMANCE_RUNS(Timeout, IsCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    EXPECT_EQ(co_await timeout(1h, after(10us, 1)), 1);
    EXPECT_FALSE(co_await try_for(10us, after(1h, 1)));
    try {
      co_await timeout(10us, after(1h, 1));
    } catch (const timed_out&) {
    }
  });
  EXPECT_EQ(n.at_rest, 6U);
}

CONFORMANCE_RUNS(Finally, IsCancelledAtEveryWaitAndAlwaysCleansUp) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        held = 0;
        for (int i = 0; i < 2; ++i) {
          ++held;
          co_await finally(sleep_for(10us), [&]() -> task<> {
            co_await sleep_for(10us);
            co_await yield_now();
            --held;
          });
        }
      },
      [&] { EXPECT_EQ(held, 0); });
  EXPECT_EQ(n.at_rest, 8U);  // twice: the caller, the body, two in the cleanup
}

CONFORMANCE_RUNS(Shield, IsCancelledAtEveryWaitAndAlwaysEnds) {
  int begun = 0;
  int ended = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        begun = ended = 0;
        for (int i = 0; i < 2; ++i) {
          ++begun;
          co_await shield([&]() -> task<> {
            co_await sleep_for(10us);
            ++ended;
          });
          co_await yield_now();
        }
      },
      [&] { EXPECT_EQ(begun, ended); });
  EXPECT_EQ(n.at_rest, 6U);
}

CONFORMANCE_RUNS(TaskGroup, IsCancelledAtEveryWait) {
  int alive = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        alive = 0;
        const auto child = [&]() -> task<int> {
          ++alive;
          co_return co_await finally(after(10us, 1), [&]() -> task<> {
            --alive;
            co_return;
          });
        };
        co_await with_task_group([&](task_group& g) -> task<> {
          auto a = g.spawn(child());
          auto b = g.spawn(child());
          g.spawn(child());
          EXPECT_EQ(co_await a + co_await b, 2);
        });
      },
      [&] { EXPECT_EQ(alive, 0); });
  EXPECT_GE(n.at_rest, 8U);
}

CONFORMANCE_RUNS(JoinHandle, IsCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto a = g.spawn(after(10us, 1));
      EXPECT_EQ((co_await a.join()).value(), 1);
      auto b = g.spawn(after(10us, 2));
      EXPECT_EQ(co_await b, 2);
      auto c = g.spawn(after(1h, 3));
      c.cancel();
      EXPECT_TRUE((co_await c.join()).is_cancelled());
    });
  });
  EXPECT_EQ(n.at_rest, 6U);
}

}  // namespace
