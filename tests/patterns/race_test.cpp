#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <variant>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

task<int> value_after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  co_return n;
}
task<int> throw_after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  throw std::out_of_range(std::to_string(n));
}
task<> nothing() { co_return; }

// Holds something while it runs, and cleans up slowly.
task<int> holding(std::chrono::nanoseconds d, int n, int& held) {
  struct guard {
    explicit guard(int& k) : count(&k) { ++*count; }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { --*count; }
    int* count;
  } here(held);
  co_await finally(sleep_for(d), []() -> task<> { co_await sleep_for(1ms); });
  co_return n;
}

}  // namespace

TEST(Race, GivesTheFirstToEndAndAwaitsTheLosers) {
  simulate([]() -> task<> {
    bool cleaned = false;
    auto loser = [&]() -> task<int> {
      co_await finally(sleep_for(1h), [&]() -> task<> {
        co_await sleep_for(5ms);
        cleaned = true;
      });
      co_return 0;
    };
    const auto before = this_loop().now();
    const int n = co_await race(loser(), value_after(2ms, 7));
    EXPECT_EQ(n, 7);
    EXPECT_TRUE(cleaned);
    EXPECT_EQ(this_loop().now() - before, 7ms);
  });
}

TEST(Race, AFailureThatComesFirstWins) {
  simulate([]() -> task<> {
    auto o = co_await as_result(race(value_after(2ms, 1), throw_after(1ms, 5)));
    EXPECT_THROW((void)o.value(), std::out_of_range);
  });
}

TEST(Race, OfDifferentTypesGivesAVariant) {
  simulate([]() -> task<> {
    auto v = co_await race(value_after(2ms, 1), sleep_for(1ms), value_after(3ms, 2));
    static_assert(std::is_same_v<decltype(v), std::variant<int, std::monostate, int>>);
    EXPECT_EQ(v.index(), 1U);
    auto w = co_await race(sleep_for(4ms), value_after(3ms, 2));
    EXPECT_EQ(std::get<1>(w), 2);
    static_assert(std::is_same_v<decltype(race(nothing(), nothing())), task<void>>);
    co_await race(nothing(), nothing());
  });
}

TEST(Race, OfNoTasksIsRefused) {
  EXPECT_THROW((void)race(std::vector<task<int>>()), std::invalid_argument);
  EXPECT_THROW((void)any(std::vector<task<>>()), std::invalid_argument);
}

TEST(Race, TakesAVector) {
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(value_after((5 - i) * 1ms, i));
    EXPECT_EQ(co_await race(std::move(tasks)), 4);
  });
}

TEST(Race, DoesNotStartWhatLostBeforeItsTurn) {
  simulate([]() -> task<> {
    queue<int> a(1);
    queue<int> b(1);
    co_await a.put(1);
    co_await b.put(2);
    const int n = co_await race(a.get(), b.get());
    EXPECT_EQ(n, 1);
    EXPECT_EQ(a.size(), 0U);
    EXPECT_EQ(b.size(), 1U);
  });
}

TEST(Race, ALosersExceptionGoesToOnUnhandled) {
  int unhandled = 0;
  run_as(
      run_options().reactor(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr&) {
        ++unhandled;
      }),
      []() -> task<> {
        auto loser = []() -> task<int> {
          co_await finally(sleep_for(1h), []() -> task<> {
            throw std::runtime_error("cleanup");
            co_return;
          });
          co_return 0;
        };
        EXPECT_EQ(co_await race(loser(), value_after(1ms, 1)), 1);
      });
  EXPECT_EQ(unhandled, 1);
}

TEST(Race, ThatWasWonGivesItsResultThoughItsCallerIsCancelled) {
  simulate([]() -> task<> {
    int result = 0;
    auto parent = [&]() -> task<> {
      auto slow_to_leave = []() -> task<int> {
        co_await finally(sleep_for(1h), []() -> task<> { co_await sleep_for(10ms); });
        co_return 0;
      };
      result = co_await race(value_after(1ms, 3), slow_to_leave());
      co_await yield_now();
      ADD_FAILURE() << "the cancellation was forgotten";
    };
    EXPECT_FALSE(co_await try_for(5ms, parent()));
    EXPECT_EQ(result, 3);
  });
}

TEST(Race, CancelledAtEveryWaitLeavesNothing) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        return race(holding(5ms, 1, held), holding(3ms, 2, held), holding(9ms, 3, held));
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) {
          EXPECT_EQ(o.value(), 2);
        }
        EXPECT_EQ(held, 0);
      });
  EXPECT_GE(n.at_rest, 4U);
}

TEST(Any, GivesTheFirstToSucceed) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await any(throw_after(1ms, 1), value_after(3ms, 2), value_after(1h, 3)), 2);
    std::vector<task<int>> tasks;
    tasks.push_back(throw_after(1ms, 1));
    tasks.push_back(value_after(2ms, 4));
    EXPECT_EQ(co_await any(std::move(tasks)), 4);
  });
}

TEST(Any, ThrowsTheLastErrorWhenAllFail) {
  simulate([]() -> task<> {
    std::string last;
    try {
      co_await any(throw_after(3ms, 1), throw_after(1ms, 2));
    } catch (const std::out_of_range& e) {
      last = e.what();
    }
    EXPECT_EQ(last, "1");
  });
}

TEST(Any, CancelledAtEveryWaitLeavesNothing) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        return any(throw_after(1ms, 1), holding(3ms, 2, held), holding(9ms, 3, held));
      },
      [&](outcome<int>& o) {
        if (o.has_value()) {
          EXPECT_EQ(o.value(), 2);
        }
        EXPECT_EQ(held, 0);
      });
  EXPECT_GE(n.at_rest, 4U);
}

// --- as_completed --------------------------------------------------------------------------------

TEST(AsCompleted, GivesOutcomesInTheOrderOfFinishing) {
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    tasks.push_back(value_after(3ms, 3));
    tasks.push_back(throw_after(2ms, 0));
    tasks.push_back(value_after(1ms, 1));
    std::vector<int> seen;
    co_await as_completed(std::move(tasks), [&](outcome<int> o) -> task<> {
      seen.push_back(o.has_value() ? o.value() : -1);
      co_return;
    });
    EXPECT_EQ(seen, (std::vector{1, -1, 3}));
  });
}

TEST(AsCompleted, WaitsForASlowConsumer) {
  simulate([]() -> task<> {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(value_after(1ms, i));
    std::vector<int> seen;
    co_await as_completed(std::move(tasks), [&](outcome<int> o) -> task<> {
      co_await sleep_for(5ms);
      seen.push_back(o.value());
    });
    EXPECT_EQ(seen, (std::vector{0, 1, 2, 3}));
  });
}

TEST(AsCompleted, LeavingEarlyCancelsAndAwaitsTheRest) {
  simulate([]() -> task<> {
    int held = 0;
    std::vector<task<int>> tasks;
    tasks.push_back(holding(1h, 1, held));
    tasks.push_back(value_after(1ms, 2));
    tasks.push_back(holding(2h, 3, held));
    int seen = 0;
    co_await as_completed(std::move(tasks), [&](outcome<int>) -> task<bool> {
      ++seen;
      co_return false;
    });
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(held, 0);

    tasks.clear();
    tasks.push_back(holding(1h, 1, held));
    tasks.push_back(value_after(1ms, 2));
    auto o = co_await as_result(as_completed(std::move(tasks), [](outcome<int>) -> task<> {
      throw std::out_of_range("enough");
      co_return;
    }));
    EXPECT_THROW(o.value(), std::out_of_range);
    EXPECT_EQ(held, 0);
  });
}

TEST(AsCompleted, OfNothingCompletes) {
  simulate([]() -> task<> {
    co_await as_completed(std::vector<task<int>>(), [](outcome<int>) -> task<> { co_return; });
  });
}

TEST(AsCompleted, CancelledAtEveryWaitLeavesNothing) {
  int held = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        std::vector<task<int>> tasks;
        for (int i = 1; i < 4; ++i) tasks.push_back(holding(i * 2ms, i, held));
        int sum = 0;
        co_await as_completed(std::move(tasks), [&](outcome<int> o) -> task<> {
          co_await sleep_for(1ms);
          sum += o.value();
        });
        co_return sum;
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) {
          EXPECT_EQ(o.value(), 6);
        }
        EXPECT_EQ(held, 0);
      });
  EXPECT_GE(n.at_rest, 8U);
}
