// A finally runs its cleanup wherever it was cancelled before its first step; a shield that ends
// delivers the cancellation; a cancellation wins over a deadline of the same turn.
#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace cleanup_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }
task<> pause(std::chrono::nanoseconds d) { co_await sleep_for(d); }
task<> fails_at_once() {
  throw std::out_of_range("at once");
  co_return;
}

// What was opened before, and must be closed whatever happens.
struct resource {
  int used = 0;
  int closed = 0;
  task<> use() {
    ++used;
    co_await forever();
  }
  task<> close() {
    co_await sleep_for(1s);
    ++closed;
  }
};
auto with(resource& r) {
  return finally(r.use(), [&r] { return r.close(); });
}

// Cancels the caller at once: its next wait stops.
task<> cancelled_before(std::function<task<>()> what) {
  cancel_scope s;
  const auto run = [&]() -> task<> {
    s.cancel();
    co_await what();
  };
  EXPECT_TRUE((co_await s.run(run)).is_cancelled());
}

void expect_closed_unused(std::function<task<>(resource&)> shape) {
  simulate([&]() -> task<> {
    resource r;
    co_await shape(r);
    EXPECT_EQ(r.used, 0);
    EXPECT_EQ(r.closed, 1);
  });
}

TEST(Cleanup, RunsInAGatherThatFailsBeforeItsTurn) {
  expect_closed_unused([](resource& r) -> task<> {
    EXPECT_THROW(co_await gather(fails_at_once(), with(r)), std::out_of_range);
  });
}

TEST(Cleanup, RunsInAGatherOfAVectorThatFailsBeforeItsTurn) {
  expect_closed_unused([](resource& r) -> task<> {
    std::vector<task<>> all;
    all.push_back(fails_at_once());
    all.push_back(with(r));
    EXPECT_THROW(co_await gather(std::move(all)), std::out_of_range);
  });
}

TEST(Cleanup, RunsInABranchesWaitThatBeginsUnderACancellation) {
  expect_closed_unused([](resource& r) -> task<> {
    bool started = false;
    co_await cancelled_before([&]() -> task<> {
      // As a task, gather itself is entered; its branches are not.
      co_await gather(with(r), [&]() -> task<> {
        started = true;
        co_return;
      }());
    });
    EXPECT_FALSE(started);
  });
}

TEST(Cleanup, RunsInARaceThatIsDecidedBeforeItsTurn) {
  expect_closed_unused(
      [](resource& r) -> task<> { co_await race([]() -> task<> { co_return; }(), with(r)); });
}

TEST(Cleanup, RunsInAGroupThatFailsBeforeItsTurn) {
  expect_closed_unused([](resource& r) -> task<> {
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(with(r));
                   throw std::out_of_range("body");
                   co_return;
                 }),
                 std::out_of_range);
  });
}

TEST(Cleanup, RunsWhenItsHandleCancelsItBeforeItsTurn) {
  expect_closed_unused([](resource& r) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(with(r));
      h.cancel();
      EXPECT_FALSE(h.done());
      EXPECT_TRUE((co_await h.join()).is_cancelled());
      EXPECT_EQ(r.closed, 1);
    });
  });
}

TEST(Cleanup, RunsWhenGivenToAGroupThatIsBeingCancelled) {
  expect_closed_unused([](resource& r) -> task<> {
    const auto start = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.cancel();
      auto h = g.spawn(with(r));
      EXPECT_FALSE(h.done());  // not before its cleanup has run
      auto plain = g.spawn(forever());
      EXPECT_TRUE(plain.done());
      co_return;
    });
    EXPECT_EQ(this_loop().now() - start, 1s);
  });
}

TEST(Cleanup, RunsInATimeoutOfNoTime) {
  expect_closed_unused([](resource& r) -> task<> {
    EXPECT_THROW(co_await timeout(0s, with(r)), timed_out);
    EXPECT_EQ(r.closed, 1);
    r.closed = 0;
    EXPECT_FALSE(co_await try_for(-1s, with(r)));
  });
}

TEST(Cleanup, RunsInAScopeThatWasCancelledBefore) {
  expect_closed_unused([](resource& r) -> task<> {
    cancel_scope s;
    s.cancel();
    EXPECT_TRUE((co_await s.run(with(r))).is_cancelled());
  });
}

TEST(Cleanup, RunsInAScopeThatIsBusyWhichIsAnError) {
  expect_closed_unused([](resource& r) -> task<> {
    cancel_scope s;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(s.run(forever()));
      co_await yield_now();
      EXPECT_THROW(static_cast<void>(co_await s.run(with(r))), std::logic_error);
      s.cancel();
    });
  });
}

TEST(Cleanup, RunsInsideAnotherFinally) {
  expect_closed_unused([](resource& r) -> task<> {
    bool outer = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.cancel();
      g.spawn(finally(with(r), [&]() -> task<> {
        EXPECT_EQ(r.closed, 1);
        outer = true;
        co_return;
      }));
      co_return;
    });
    EXPECT_TRUE(outer);
  });
}

TEST(Cleanup, RunsInATimeoutAwaitedUnderACancellation) {
  expect_closed_unused([](resource& r) -> task<> {
    co_await cancelled_before([&]() -> task<> { co_await timeout(1h, with(r)); });
  });
}

TEST(Cleanup, RunsInATaskLocalAwaitedUnderACancellation) {
  expect_closed_unused([](resource& r) -> task<> {
    static const task_local<int> value;
    co_await cancelled_before([&]() -> task<> {
      auto t = value.with(1, with(r));
      co_await std::move(t);
    });
  });
}

// An await that finds the budget spent is a cancellation point: beyond it the scope is not reached.
TEST(Cleanup, RunsInAScopeAwaitedUnderACancellationAtWhateverPointOfTheBudget) {
  bool reached = true;
  for (int awaits = 0; reached; ++awaits) {
    SCOPED_TRACE(awaits);
    ASSERT_LE(awaits, 64);
    reached = false;
    simulate([&]() -> task<> {
      resource r;
      co_await cancelled_before([&]() -> task<> {
        event ready;
        ready.set();
        for (int i = 0; i < awaits; ++i) co_await ready.wait();
        reached = true;
        for (auto d : {1h}) co_await timeout(d, with(r));
      });
      EXPECT_EQ(r.used, 0);
      EXPECT_EQ(r.closed, reached ? 1 : 0);
    });
  }
}

TEST(Cleanup, OfWhatItsCleanupFailsWithIsThrownWhereverItBegan) {
  simulate([]() -> task<> {
    const auto failing = [] {
      return finally(forever(), []() -> task<> {
        co_await sleep_for(1s);
        throw std::length_error("cleanup");
      });
    };
    EXPECT_THROW(co_await timeout(0s, failing()), std::length_error);
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   g.cancel();
                   g.spawn(failing());
                   co_return;
                 }),
                 std::length_error);
  });
}

TEST(Cleanup, OfATaskThatWrapsItAndNeverStartedDoesNotRun) {
  simulate([]() -> task<> {
    resource r;
    const auto wraps = [&]() -> task<> { co_await with(r); };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.cancel();
      g.spawn(wraps());
      co_return;
    });
    EXPECT_EQ(r.used + r.closed, 0);
  });
}

TEST(Cleanup, RunsOnceWhereverItIsCancelled) {
  resource r;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        r = resource();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn(with(r));
          co_await sleep_for(1s);
          g.cancel();
        });
      },
      [&](outcome<void>& o) {
        EXPECT_FALSE(o.has_error());
        // Cancelled before the group began, nothing was given to it.
        EXPECT_LE(r.closed, 1);
        EXPECT_EQ(r.used > 0 && r.closed == 0, false);
      });
  EXPECT_GE(n.at_rest, 4U);
}

// --- shield --------------------------------------------------------------------------------------

TEST(Shield, ThatEndsDeliversTheCancellation) {
  simulate([]() -> task<> {
    int steps = 0;
    EXPECT_FALSE(co_await try_for(1s, [&]() -> task<> {
      for (;;) {
        co_await shield(pause(300ms));
        ++steps;
      }
    }));
    EXPECT_EQ(steps, 3);
  });
}

TEST(Shield, OfAValueThatEndsUnderACancellationDestroysTheValue) {
  simulate([]() -> task<> {
    auto value = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = value;
    EXPECT_FALSE(co_await try_for(1s, [&]() -> task<> {
      const auto got = co_await shield(
          [](std::shared_ptr<int> v) -> task<std::shared_ptr<int>> {
            co_await sleep_for(2s);
            co_return v;
          },
          std::move(value));
      ADD_FAILURE();
    }));
    EXPECT_TRUE(watch.expired());
  });
}

TEST(Shield, ThatFailsUnderACancellationThrowsAndTheCancellationStaysPending) {
  simulate([]() -> task<> {
    bool threw = false;
    EXPECT_FALSE(co_await try_for(1s, [&]() -> task<> {
      try {
        co_await shield([]() -> task<> {
          co_await sleep_for(2s);
          throw std::out_of_range("a step failed");
        });
      } catch (const std::out_of_range&) {
        threw = true;
      }
      co_await yield_now();
      ADD_FAILURE();
    }));
    EXPECT_TRUE(threw);
  });
}

TEST(Shield, IsEnteredUnderACancellationAndStopsWhenItEnds) {
  simulate([]() -> task<> {
    bool ran = false;
    bool went_on = false;
    co_await cancelled_before([&]() -> task<> {
      co_await shield([&]() -> task<> {
        co_await sleep_for(1s);
        ran = true;
      });
      went_on = true;
    });
    EXPECT_TRUE(ran);
    EXPECT_FALSE(went_on);
  });
}

// --- a deadline and a cancellation in one turn ---------------------------------------------------

// The deadline fires first, having been armed first; the other sleeper then cancels in the same
// turn.
template <class Limited>
task<> cancelled_at_the_deadline(Limited limited) {
  cancel_scope s;
  bool went_on = false;
  co_await with_task_group([&](task_group& g) -> task<> {
    const auto due = this_loop().now() + 1s;
    auto h = g.spawn([&]() -> task<outcome<void>> {
      co_return co_await s.run([&]() -> task<> {
        co_await limited();
        went_on = true;
      });
    });
    co_await yield_now();
    co_await yield_now();
    g.spawn([&, due]() -> task<> {
      co_await sleep_until(due);
      s.cancel();
    });
    EXPECT_TRUE((co_await h).is_cancelled());
  });
  EXPECT_FALSE(went_on);
}

TEST(Deadline, LosesAgainstACancellationOfTheSameTurn) {
  simulate([]() -> task<> {
    co_await cancelled_at_the_deadline([]() -> task<> { co_await try_for(1s, forever()); });
    co_await cancelled_at_the_deadline([]() -> task<> {
      try {
        co_await timeout(1s, forever());
      } catch (const timed_out&) {
        ADD_FAILURE();
      }
    });
    co_await cancelled_at_the_deadline([]() -> task<> {
      cancel_scope inner;
      inner.set_deadline(this_loop().now() + 1s);
      static_cast<void>(co_await inner.run(forever()));
    });
    co_await cancelled_at_the_deadline(
        []() -> task<> { co_await try_for(1s, timeout(1h, forever())); });
  });
}

TEST(Deadline, OfTheTurnBeforeACancellationCounts) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool timed = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        static_cast<void>(co_await s.run([&]() -> task<> {
          timed = !co_await try_for(1s, forever());
          co_await forever();
        }));
      });
      co_await sleep_for(1s + 1ns);
      s.cancel();
    });
    EXPECT_TRUE(timed);
  });
}

}  // namespace

}  // namespace cleanup_test
