#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns/pipeline.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace rondo;
using rondo_test::cancel_at_every_wait;
using rondo_test::simulate;

namespace {

generator<int> count(int n) {
  for (int i = 0; i < n; ++i) {
    co_await sleep_for(1ms);
    co_yield i;
  }
}

// Later items are quicker, so that results overtake one another.
task<int> doubled(int i) {
  co_await sleep_for(std::chrono::milliseconds(20 - i));
  co_return 2 * i;
}

auto collect(std::vector<int>& into) {
  return [&into](int i) -> task<> {
    into.push_back(i);
    co_return;
  };
}

}  // namespace

TEST(Pipeline, AnOrderedStageGivesResultsInTheOrderOfTheInput) {
  simulate([]() -> task<> {
    std::vector<int> got;
    co_await pipeline(count(8)).ordered_stage(4, &doubled).to(collect(got));
    EXPECT_EQ(got, (std::vector<int>{0, 2, 4, 6, 8, 10, 12, 14}));
  });
}

TEST(Pipeline, AStageGivesResultsAsTheyComeAndLosesNone) {
  simulate([]() -> task<> {
    std::vector<int> got;
    co_await pipeline(std::vector<int>{0, 10, 15}).stage(3, &doubled).to(collect(got));
    EXPECT_EQ(got, (std::vector<int>{30, 20, 0}));
  });
}

TEST(Pipeline, RunsAsManyWorkersAsItWasGiven) {
  simulate([]() -> task<> {
    int running = 0;
    int most = 0;
    const auto begun = this_loop().now();
    co_await pipeline(std::vector<int>(12))
        .stage(4,
               [&](int i) -> task<int> {
                 most = std::max(most, ++running);
                 co_await sleep_for(1s);
                 --running;
                 co_return i;
               })
        .to([](int) -> task<> { co_return; });
    EXPECT_EQ(most, 4);
    EXPECT_EQ(this_loop().now() - begun, 3s);
  });
}

TEST(Pipeline, ASlowConsumerHoldsBackTheSource) {
  simulate([]() -> task<> {
    int made = 0;
    int used = 0;
    auto source = [](int& n) -> generator<int> {
      for (;;) co_yield n++;
    };
    co_await try_for(1s, pipeline(source(made))
                             .stage(2, [](int i) -> task<int> { co_return i; })
                             .to([&](int) -> task<> {
                               ++used;
                               co_await sleep_for(10ms);
                             }));
    EXPECT_GT(used, 90);
    EXPECT_LE(made - used, 10);
  });
}

TEST(Pipeline, AnErrorOfTheSourceAWorkerOrTheConsumerCancelsTheRestAndIsRethrown) {
  simulate([]() -> task<> {
    auto fails = [](int i) -> task<int> {
      if (i == 3) throw std::runtime_error("worker");
      co_await sleep_for(1ms);
      co_return i;
    };
    auto source = []() -> generator<int> {
      co_yield 1;
      throw std::runtime_error("source");
    };
    auto nothing = [](int) -> task<> { co_return; };
    auto consumer = [](int) -> task<> {
      throw std::runtime_error("consumer");
      co_return;
    };
    auto error_of = [](task<> t) -> task<std::string> {
      try {
        co_await std::move(t);
      } catch (const std::runtime_error& e) {
        co_return e.what();
      }
      co_return "none";
    };
    EXPECT_EQ(co_await error_of(pipeline(count(100)).stage(2, fails).to(nothing)), "worker");
    EXPECT_EQ(co_await error_of(pipeline(count(100)).ordered_stage(2, fails).to(nothing)),
              "worker");
    EXPECT_EQ(co_await error_of(pipeline(source()).stage(2, fails).to(nothing)), "source");
    EXPECT_EQ(co_await error_of(pipeline(count(100)).stage(2, fails).to(consumer)), "consumer");
  });
}

TEST(Pipeline, RefusesAStageWithoutWorkers) {
  EXPECT_THROW(pipeline(std::vector<int>{1}).stage(0, &doubled), std::invalid_argument);
}

TEST(Pipeline, CancelledAtEveryWaitLeavesNothing) {
  const auto n = cancel_at_every_wait(reactor_kind::simulated, []() -> task<> {
    co_await pipeline(count(4))
        .stage(2,
               [](int i) -> task<int> {
                 co_await sleep_for(3ms);
                 co_return i;
               })
        .ordered_stage(2, &doubled)
        .to([](int) -> task<> { co_await sleep_for(1ms); });
  });
  EXPECT_GT(n.at_rest, 20U);
  EXPECT_GT(n.at_wake, 20U);
}
