// Scopes inside scopes: what stops what, and whose error is heard. With task_group_test.cpp and
// scope_test.cpp it answers asyncio's own tests (docs/asyncio-tests.md).

#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns/gather.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace nesting_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

auto since(std::chrono::steady_clock::time_point start) { return this_loop().now() - start; }

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }
task<> fails_after(std::chrono::nanoseconds d) {
  co_await sleep_for(d);
  throw std::out_of_range("after " + std::to_string(d.count()));
}
task<> fails_in_its_cleanup() {
  co_await finally(forever(), []() -> task<> {
    throw std::out_of_range("cleanup");
    co_return;
  });
}

// Simulation in which exceptions that nobody awaits are counted.
run_options counting(int& unhandled) {
  return options_for(reactor_kind::simulated).on_unhandled([&unhandled](const std::exception_ptr&) {
    ++unhandled;
  });
}

TEST(NestedGroups, CleanupsThatFailInTheInnerOneGiveItsFirstErrorToBoth) {
  int unhandled = 0;
  run_as(counting(unhandled), []() -> task<> {
    cancel_scope s;
    co_await with_task_group([&](task_group& outside) -> task<> {
      outside.spawn([&]() -> task<> {
        co_await sleep_for(100ms);
        s.cancel();
      });
      const auto how = co_await s.run(with_task_group([](task_group&) -> task<> {
        co_await with_task_group([](task_group& g) -> task<> {
          for (int i = 0; i < 5; ++i) g.spawn(fails_in_its_cleanup());
          co_await forever();
        });
      }));
      EXPECT_TRUE(how.has_error());  // it wins over the cancellation
      EXPECT_THROW(std::rethrow_exception(how.error()), std::out_of_range);
    });
  });
  EXPECT_EQ(unhandled, 4);
}

TEST(NestedGroups, CleanupsThatFailInTheInnerOneStopTheChildrenOfTheOuterOne) {
  int unhandled = 0;
  run_as(counting(unhandled), []() -> task<> {
    const auto begun = this_loop().now();
    bool stopped = false;
    cancel_scope s;
    s.set_deadline(this_loop().now() + 100ms);
    const auto how = co_await s.run(with_task_group([&](task_group& outer) -> task<> {
      outer.spawn([&]() -> task<> {
        co_await finally(forever(), [&]() -> task<> {
          stopped = true;
          co_return;
        });
      });
      co_await with_task_group([](task_group& g) -> task<> {
        for (int i = 0; i < 5; ++i) g.spawn(fails_in_its_cleanup());
        co_await forever();
      });
    }));
    EXPECT_TRUE(how.has_error());
    EXPECT_TRUE(stopped);
    EXPECT_EQ(since(begun), 100ms);
  });
  EXPECT_EQ(unhandled, 4);
}

TEST(NestedGroups, AFailureInTheOuterOneStopsTheInnerOne) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    EXPECT_THROW(co_await with_task_group([](task_group& outer) -> task<> {
                   outer.spawn(fails_after(100ms));
                   co_await with_task_group([](task_group& inner) -> task<> {
                     inner.spawn(fails_after(10s));
                     co_await forever();
                   });
                   ADD_FAILURE() << "the body went on";
                 }),
                 std::out_of_range);
    EXPECT_EQ(since(begun), 100ms);
  });
}

TEST(NestedGroups, AFailureInTheInnerOneStopsTheOuterOne) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    EXPECT_THROW(co_await with_task_group([](task_group& outer) -> task<> {
                   outer.spawn(fails_after(10s));
                   co_await with_task_group([](task_group& inner) -> task<> {
                     inner.spawn(fails_after(100ms));
                     co_await forever();
                   });
                   ADD_FAILURE() << "the body went on";
                 }),
                 std::out_of_range);
    EXPECT_EQ(since(begun), 100ms);
  });
}

TEST(NestedGroups, ChildrenThatSpawnWithoutEndEndWithTheOneThatFails) {
  simulate([]() -> task<> {
    struct hydra {
      static task<> head(task_group& g, int& heads) {
        ++heads;
        co_await sleep_for(10ms);
        if (heads > 100'000) co_return;  // for the test's own sake
        g.spawn(head(g, heads));
        g.spawn(head(g, heads));
      }
    };
    int heads = 0;
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   for (int i = 0; i < 5; ++i) g.spawn(hydra::head(g, heads));
                   g.spawn([&]() -> task<> {
                     while (heads < 1000) co_await sleep_for(15ms);
                     throw std::out_of_range("enough");
                   });
                   co_return;
                 }),
                 std::out_of_range);
    EXPECT_GE(heads, 1000);
  });
}

TEST(CancelScope, ADeadlineMovedToNeverDoesNotCome) {
  simulate([]() -> task<> {
    cancel_scope s;
    s.set_deadline(this_loop().now() + 1s);
    const auto how = co_await s.run([&]() -> task<int> {
      s.set_deadline(std::chrono::steady_clock::time_point::max());
      co_await sleep_for(std::chrono::hours(24 * 365));
      co_return 1;
    });
    EXPECT_TRUE(how.has_value());
    EXPECT_FALSE(s.cancelled());
  });
}

TEST(Finally, ATimeoutInTheCleanupCountsThoughAnOuterTimeoutEndedTheBody) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    bool inner_ran_out = false;
    EXPECT_THROW(co_await timeout(1s, finally(forever(),
                                              [&]() -> task<> {
                                                inner_ran_out = !co_await try_for(2s, forever());
                                              })),
                 timed_out);
    EXPECT_TRUE(inner_ran_out);
    EXPECT_EQ(since(begun), 3s);
  });
}

TEST(Shield, AGatherInsideRunsToItsEndThoughTheCallerIsCancelled) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    int ended = 0;
    const auto one = [&]() -> task<> {
      co_await sleep_for(2s);
      ++ended;
    };
    EXPECT_FALSE(co_await try_for(1s, [&]() -> task<> {
      co_await shield(gather(one(), one()));
      EXPECT_EQ(ended, 2);
      co_await yield_now();
      ADD_FAILURE() << "the cancellation was not delivered";
    }));
    EXPECT_EQ(ended, 2);
    EXPECT_EQ(since(begun), 2s);
  });
}

// --- nested in any order -------------------------------------------------------------------------

// Each kind of scope, as something that may stand around a task<int>.
class nest {
 public:
  enum kind : std::uint8_t {
    in_time,
    too_late,
    optional,
    shielded,
    cleaned_up,
    scoped,
    in_group,
    started_in_group,
    localized,
    gathered,
    as_outcome
  };
  static constexpr std::size_t kinds = 11;

  explicit nest(std::vector<kind> around) : around_(std::move(around)) {}

  task<int> run() { return inside(0); }
  // However it ended, every cleanup that was entered has run, and every group is empty.
  void check() const {
    EXPECT_EQ(cleanups_run_, cleanups_entered_);
    EXPECT_EQ(groups_left_, groups_entered_);
  }

 private:
  struct on_exit {
    int& count;
    ~on_exit() { ++count; }
  };

  task<int> inside(std::size_t depth) {
    if (depth == around_.size()) {
      co_await sleep_for(1ms);
      co_await yield_now();
      co_return 1;
    }
    switch (around_[depth]) {
      case in_time: co_return co_await timeout(1h, inside(depth + 1));
      case too_late: co_return (co_await try_for(500us, inside(depth + 1))).value_or(0);
      case optional: co_return (co_await try_for(1h, inside(depth + 1))).value_or(0);
      case shielded: co_return co_await shield(inside(depth + 1));
      case cleaned_up:
        ++cleanups_entered_;
        co_return co_await finally(inside(depth + 1), [this]() -> task<> {
          co_await sleep_for(1us);
          co_await yield_now();
          ++cleanups_run_;
        });
      case scoped: {
        cancel_scope s;
        s.set_deadline(this_loop().now() + 1h);
        co_return (co_await s.run(inside(depth + 1))).value();
      }
      case in_group: {
        int n = 0;
        ++groups_entered_;
        const on_exit left{groups_left_};
        co_await with_task_group([&](task_group& g) -> task<> {
          auto child = g.spawn(inside(depth + 1));
          n = co_await child;
        });
        co_return n;
      }
      case started_in_group: {
        int n = 0;
        ++groups_entered_;
        const on_exit left{groups_left_};
        co_await with_task_group([&](task_group& g) -> task<> {
          n = co_await g.start([&](started<int> ready) -> task<> {
            ready(co_await inside(depth + 1));
            co_await sleep_for(1us);
          });
        });
        co_return n;
      }
      case localized: co_return co_await local_.with(1, inside(depth + 1));
      case gathered: {
        const auto [n, m] = co_await gather(inside(depth + 1), sleep_for(2ms));
        co_return n;
      }
      case as_outcome: co_return (co_await as_result(inside(depth + 1))).value();
    }
    co_return 0;
  }

  std::vector<kind> around_;
  task_local<int> local_;
  int cleanups_entered_ = 0;
  int cleanups_run_ = 0;
  int groups_entered_ = 0;
  int groups_left_ = 0;
};

std::size_t cancel_nests(std::size_t depth) {
  std::size_t combinations = 1;
  for (std::size_t i = 0; i < depth; ++i) combinations *= nest::kinds;
  std::size_t waits = 0;
  for (std::size_t c = 0; c < combinations && !testing::Test::HasFailure(); ++c) {
    std::vector<nest::kind> around;
    std::string names;
    for (std::size_t i = 0, rest = c; i < depth; ++i, rest /= nest::kinds) {
      around.push_back(static_cast<nest::kind>(rest % nest::kinds));
      names += std::to_string(rest % nest::kinds) + " ";
    }
    SCOPED_TRACE("scopes, from the outside: " + names);
    std::optional<nest> n;
    waits += cancel_at_every_wait(
                 reactor_kind::simulated,
                 [&] {
                   n.emplace(around);
                   return n->run();
                 },
                 [&] { n->check(); })
                 .at_rest;
  }
  return waits;
}

TEST(NestedScopes, InAnyOrderAreCancelledAtEveryWait) {
  EXPECT_GT(cancel_nests(1), 20U);
  EXPECT_GT(cancel_nests(2), 400U);
  if (rondo_test::long_run()) EXPECT_GT(cancel_nests(3), 7'000U);
}

}  // namespace

}  // namespace nesting_test
