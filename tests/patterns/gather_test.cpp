#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <tuple>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

struct boom : std::runtime_error {
  explicit boom(int n) : std::runtime_error("boom"), number(n) {}
  int number;
};

// Adds one while it lives: shows what is still there.
struct counted {
  explicit counted(int& n) : alive(&n) { ++n; }
  counted(counted&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
  counted& operator=(counted&&) = delete;
  ~counted() {
    if (alive) --*alive;
  }
  int* alive;
};

task<int> value_after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  co_return n;
}
task<int> throw_after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  throw boom(n);
}
task<int> ready_value(int n) { co_return n; }
task<> nothing() { co_return; }

}  // namespace

TEST(Gather, GivesResultsInArgumentOrderWhateverTheOrderOfFinishing) {
  simulate([]() -> task<> {
    auto [a, b, c] = co_await gather(value_after(3ms, 1), value_after(1ms, 2), value_after(2ms, 3));
    EXPECT_EQ(std::tuple(a, b, c), std::tuple(1, 2, 3));
  });
}

TEST(Gather, RunsItsTasksSideBySide) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    co_await gather(value_after(5ms, 1), value_after(7ms, 2), value_after(6ms, 3));
    EXPECT_EQ(this_loop().now() - before, 7ms);
  });
}

TEST(Gather, GivesMonostateForVoid) {
  simulate([]() -> task<> {
    auto all = co_await gather(nothing(), ready_value(7));
    static_assert(std::is_same_v<decltype(all), std::tuple<std::monostate, int>>);
    EXPECT_EQ(std::get<1>(all), 7);
  });
}

TEST(Gather, GivesAPointerForAReference) {
  simulate([]() -> task<> {
    int x = 5;
    auto by_reference = [](int& r) -> task<int&> { co_return r; };
    auto [p] = co_await gather(by_reference(x));
    EXPECT_EQ(p, &x);
    auto [o] = co_await gather(return_exceptions, by_reference(x));
    EXPECT_EQ(&o.value(), &x);
  });
}

TEST(Gather, CarriesValuesThatCanOnlyBeMoved) {
  simulate([]() -> task<> {
    auto make = [](int n) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(n); };
    auto [a, b] = co_await gather(make(1), make(2));
    EXPECT_EQ(*a + *b, 3);
    std::vector<task<std::unique_ptr<int>>> tasks;
    tasks.push_back(make(4));
    auto many = co_await gather(std::move(tasks));
    EXPECT_EQ(*many.at(0), 4);
  });
}

TEST(Gather, TakesCallablesAndOtherAwaitables) {
  simulate([]() -> task<> {
    event e;
    auto p = std::make_unique<int>(9);
    auto all = co_await gather([p = std::move(p)]() -> task<int> { co_return *p; },
                               [&]() -> task<> {
                                 e.set();
                                 co_return;
                               },
                               e.wait(), sleep_for(1ms));
    EXPECT_EQ(std::get<0>(all), 9);
  });
}

TEST(Gather, OfNothingCompletesAtOnce) {
  simulate([]() -> task<> {
    EXPECT_TRUE((co_await gather(std::vector<task<int>>())).empty());
    co_await gather(std::vector<task<>>());
    EXPECT_TRUE((co_await gather(return_exceptions, std::vector<task<int>>())).empty());
    co_await gather();
  });
}

TEST(Gather, OfAVectorGivesAVectorInOrder) {
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(value_after((20 - i) * 1ms, i));
    const std::vector<int> values = co_await gather(std::move(tasks));
    EXPECT_EQ(values.size(), 20U);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i);
  });
}

TEST(Gather, OfAVectorOfVoidGivesVoid) {
  simulate([]() -> task<> {
    std::vector<task<>> tasks;
    tasks.push_back(nothing());
    static_assert(std::is_same_v<decltype(gather(std::move(tasks))), task<void>>);
    co_await gather(std::move(tasks));
  });
}

TEST(Gather, TakesFirstStepsInArgumentOrderFromTheReadyList) {
  simulate([]() -> task<> {
    std::string trace;
    auto note = [&](char c) -> task<> {
      trace += c;
      co_await yield_now();
      trace += c;
    };
    auto all = gather(note('a'), note('b'), note('c'));
    EXPECT_EQ(trace, "");
    co_await std::move(all);
    EXPECT_EQ(trace, "abcabc");
  });
}

TEST(Gather, RethrowsTheFirstFailureWithItsOwnType) {
  simulate([]() -> task<> {
    int caught = 0;
    try {
      co_await gather(value_after(5ms, 1), throw_after(2ms, 42));
    } catch (const boom& b) {
      caught = b.number;
    }
    EXPECT_EQ(caught, 42);
  });
}

TEST(Gather, CancelsTheRestAtTheFirstFailureAndWaitsForThem) {
  simulate([]() -> task<> {
    bool cleaned = false;
    auto slow = [&]() -> task<> {
      return finally(sleep_for(1h), [&]() -> task<> {
        co_await sleep_for(3ms);
        cleaned = true;
      });
    };
    const auto before = this_loop().now();
    try {
      co_await gather(slow(), throw_after(2ms, 1));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const boom&) {
      EXPECT_TRUE(cleaned);
    }
    EXPECT_EQ(this_loop().now() - before, 5ms);
  });
}

TEST(Gather, HandsLaterFailuresToOnUnhandled) {
  std::vector<int> late;
  auto options =
      run_options().reactor(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr& e) {
        try {
          std::rethrow_exception(std::move(e));
        } catch (const boom& b) {
          late.push_back(b.number);
        }
      });
  int first = 0;
  run_as(options, [&]() -> task<> {
    auto failing_cleanup = [](int n) {
      return finally(sleep_for(1h), [n]() -> task<> {
        throw boom(n);
        co_return;
      });
    };
    try {
      co_await gather(throw_after(1ms, 1), failing_cleanup(2), failing_cleanup(3));
    } catch (const boom& b) {
      first = b.number;
    }
  });
  EXPECT_EQ(first, 1);
  EXPECT_EQ(late, (std::vector{2, 3}));
}

TEST(Gather, DoesNotStartATaskWhoseSiblingFailedBefore) {
  simulate([]() -> task<> {
    bool started = false;
    auto fails = []() -> task<> {
      throw boom(1);
      co_return;
    };
    auto second = [&]() -> task<> {
      started = true;
      co_return;
    };
    EXPECT_TRUE((co_await as_result(gather(fails(), second()))).has_error());
    EXPECT_FALSE(started);
  });
}

TEST(Gather, GivesBackWhatATaskHeldWhenItEnds) {
  simulate([]() -> task<> {
    int alive = 0;
    auto holds = [](counted, std::chrono::nanoseconds d) -> task<> { co_await sleep_for(d); };
    auto looks = [&]() -> task<> {
      co_await sleep_for(2ms);
      EXPECT_EQ(alive, 1);
    };
    co_await gather(holds(counted(alive), 1ms), holds(counted(alive), 3ms), looks());
    EXPECT_EQ(alive, 0);
  });
}

TEST(Gather, IsNestedAndComposes) {
  simulate([]() -> task<> {
    auto result =
        co_await try_for(10ms, gather(gather(ready_value(1), ready_value(2)), value_after(1h, 3)));
    EXPECT_FALSE(result);
    auto [inner, outer] =
        co_await timeout(10ms, gather(gather(ready_value(1), ready_value(2)), ready_value(3)));
    EXPECT_EQ(std::get<1>(inner) + outer, 5);
  });
}

// --- return_exceptions ---------------------------------------------------------------------------

TEST(GatherOutcomes, WaitsForAllAndThrowsForNoChild) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    auto [a, b, c] =
        co_await gather(return_exceptions, throw_after(1ms, 1), value_after(5ms, 2), nothing());
    EXPECT_EQ(this_loop().now() - before, 5ms);
    EXPECT_TRUE(a.has_error());
    EXPECT_THROW((void)a.value(), boom);
    EXPECT_EQ(b.value(), 2);
    EXPECT_TRUE(c.has_value());
  });
}

TEST(GatherOutcomes, OfAVectorKeepTheOrder) {
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 10; ++i)
      tasks.push_back(i % 2 ? throw_after((10 - i) * 1ms, i) : value_after((10 - i) * 1ms, i));
    const std::vector<outcome<int>> all = co_await gather(return_exceptions, std::move(tasks));
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].has_error(), i % 2 == 1);
  });
}

TEST(GatherOutcomes, AnErrorThatSaysCancelledIsAnError) {
  simulate([]() -> task<> {
    auto says_so = []() -> task<> {
      throw cancelled_error();
      co_return;
    };
    auto [o] = co_await gather(return_exceptions, says_so());
    EXPECT_TRUE(o.has_error());
    EXPECT_FALSE(o.is_cancelled());
  });
}

// --- cancellation --------------------------------------------------------------------------------

TEST(GatherCancelled, StopsItsCallerOnlyWhenAllChildrenHaveEnded) {
  for (const bool outcomes : {false, true}) {
    simulate([=]() -> task<> {
      std::string trace;
      auto child = [&](char c, std::chrono::nanoseconds cleanup) {
        return finally(sleep_for(1h), [&trace, c, cleanup]() -> task<> {
          co_await sleep_for(cleanup);
          trace += c;
        });
      };
      auto parent = [&]() -> task<> {
        struct at_end {
          ~at_end() { *trace += 'P'; }
          std::string* trace;
        } guard{&trace};
        if (outcomes)
          co_await gather(return_exceptions, child('a', 3ms), child('b', 1ms), ready_value(1));
        else
          co_await gather(child('a', 3ms), child('b', 1ms), ready_value(1));
        ADD_FAILURE() << "a cancelled task went on";
      };
      EXPECT_FALSE(co_await try_for(1ms, parent()));
      EXPECT_EQ(trace, "baP");
    });
  }
}

TEST(GatherCancelled, GivesTheResultWhenEverythingHadFinished) {
  for (const bool outcomes : {false, true}) {
    simulate([=]() -> task<> {
      int sum = 0;
      auto parent = [&]() -> task<> {
        // The cleanup keeps it until after the cancellation.
        auto kept = [](int n) -> task<int> {
          co_return co_await finally(value_after(0ms, n), [] { return sleep_for(5ms); });
        };
        if (outcomes) {
          auto [a, b] = co_await gather(return_exceptions, kept(1), kept(2));
          sum = a.value() + b.value();
        } else {
          auto [a, b] = co_await gather(kept(1), kept(2));
          sum = a + b;
        }
        co_await yield_now();
        ADD_FAILURE() << "the cancellation was forgotten";
      };
      EXPECT_FALSE(co_await try_for(1ms, parent()));
      EXPECT_EQ(sum, 3);
    });
  }
}

TEST(GatherCancelled, AnExceptionWinsAndTheCancellationStaysPending) {
  simulate([]() -> task<> {
    bool caught = false;
    auto parent = [&]() -> task<> {
      auto failing_cleanup = finally(sleep_for(1h), []() -> task<> {
        throw boom(1);
        co_return;
      });
      try {
        co_await gather(std::move(failing_cleanup), value_after(1h, 1));
      } catch (const boom&) {
        caught = true;
      }
      co_await yield_now();
      ADD_FAILURE() << "the cancellation was forgotten";
    };
    EXPECT_FALSE(co_await try_for(1ms, parent()));
    EXPECT_TRUE(caught);
  });
}

TEST(GatherCancelled, StartsNothingWhenACancellationIsDueAlready) {
  simulate([]() -> task<> {
    cancel_scope scope;
    bool started = false;
    int alive = 0;
    auto child = [&](counted) -> task<> {
      started = true;
      co_return;
    };
    auto o = co_await scope.run([&]() -> task<> {
      scope.cancel();
      co_await gather(child(counted(alive)), child(counted(alive)));
    });
    EXPECT_TRUE(o.is_cancelled());
    EXPECT_FALSE(started);
    EXPECT_EQ(alive, 0);
  });
}

namespace {

// A child that gives `n` after three waits, and counts what it holds.
task<int> worker(int n, int& held) {
  counted mine(held);
  co_await sleep_for(1ms);
  co_await yield_now();
  co_await sleep_for(std::chrono::milliseconds(n));
  co_return n;
}

}  // namespace

TEST(GatherCancelled, AtEveryWaitLeavesNothing) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        auto [a, b, c] = co_await gather(worker(1, held), worker(2, held), worker(1, held));
        co_return a + b + c;
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) {
          EXPECT_EQ(o.value(), 4);
        }
        EXPECT_EQ(held, 0);
      });
  EXPECT_GE(n.at_rest, 10U);
  EXPECT_GE(n.at_wake, 10U);
}

TEST(GatherCancelled, AtEveryWaitOfAVectorOfOutcomesLeavesNothing) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        std::vector<task<int>> tasks;
        for (int i = 1; i <= 3; ++i) tasks.push_back(worker(i, held));
        tasks.push_back(throw_after(2ms, 1));
        int sum = 0;
        for (auto& o : co_await gather(return_exceptions, std::move(tasks)))
          sum += o.has_value() ? o.value() : 0;
        co_return sum;
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) {
          EXPECT_EQ(o.value(), 6);
        }
        EXPECT_EQ(held, 0);
      });
  EXPECT_GE(n.at_rest, 10U);
}

TEST(GatherCancelled, AtEveryWaitOfAFailureLeavesNothing) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        auto [a, b] = co_await gather(worker(5, held), throw_after(2ms, 1));
        co_return a + b;
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_value());
        EXPECT_EQ(held, 0);
      });
  EXPECT_GE(n.at_rest, 5U);
}

// --- size ----------------------------------------------------------------------------------------

TEST(Gather, RunsAMillionTasks) {
  constexpr int many = 1'000'000;
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    tasks.reserve(many);
    for (int i = 0; i < many; ++i) tasks.push_back(ready_value(i));
    const std::vector<int> values = co_await gather(std::move(tasks));
    EXPECT_EQ(values.size(), std::size_t{many});
    EXPECT_EQ(values.back(), many - 1);
  });
}

TEST(Gather, IsNestedTenThousandDeep) {
  struct deep {
    static task<int> down(int n) {
      if (n == 0) {
        co_await sleep_for(1ms);
        co_return 0;
      }
      auto [x] = co_await gather(down(n - 1));
      co_return x + 1;
    }
  };
  simulate([]() -> task<> {
    EXPECT_EQ(co_await deep::down(10'000), 10'000);
    EXPECT_FALSE(co_await try_for(1us, deep::down(10'000)));
  });
}

#ifndef RONDO_TEST_SANITIZED
TEST(Gather, OfTenThousandTasksAllocatesOnceForTheBookkeeping) {
  constexpr int many = 10'000;
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    tasks.reserve(many);
    for (int i = 0; i < many; ++i) tasks.push_back(value_after(1ms, i));
    const auto frames = detail::frames_from_heap();
    const auto before = allocations();
    auto all = gather(std::move(tasks));
    const auto made = allocations() - before - (detail::frames_from_heap() - frames);
    EXPECT_EQ(made, 1U);
    const std::vector<int> values = co_await std::move(all);
    EXPECT_EQ(values.size(), std::size_t{many});
  });
}

TEST(Gather, OfReadyTasksAllocatesNothingWhileTheyRun) {
  constexpr int many = 10'000;
  simulate([]() -> task<> {
    std::vector<task<>> tasks;
    tasks.reserve(many);
    for (int i = 0; i < many; ++i) tasks.push_back(nothing());
    auto all = gather(std::move(tasks));
    const auto before = allocations();
    co_await std::move(all);
    EXPECT_EQ(allocations(), before);
  });
}
#endif
