#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

struct gauge {
  int running = 0;
  int most = 0;
  int started = 0;
};
struct in_gauge {
  explicit in_gauge(gauge& g) : all(&g) {
    ++g.started;
    g.most = std::max(g.most, ++g.running);
  }
  in_gauge(const in_gauge&) = delete;
  in_gauge& operator=(const in_gauge&) = delete;
  ~in_gauge() { --all->running; }
  gauge* all;
};

task<int> twice(gauge& g, int n, std::chrono::nanoseconds d) {
  in_gauge here(g);
  co_await sleep_for(d);
  co_return 2 * n;
}

}  // namespace

TEST(MapConcurrent, GivesResultsInInputOrder) {
  simulate([]() -> task<> {
    const std::vector<int> in{5, 1, 4, 2, 3};
    const std::vector<int> out = co_await map_concurrent(in, 3, [](int n) -> task<int> {
      co_await sleep_for(std::chrono::milliseconds(n));
      co_return n* n;
    });
    EXPECT_EQ(out, (std::vector{25, 1, 16, 4, 9}));
  });
}

TEST(MapConcurrent, RunsAtMostTheLimitAndNoFewer) {
  simulate([]() -> task<> {
    gauge g;
    const auto before = this_loop().now();
    co_await map_concurrent(std::views::iota(0, 12), 4, [&](int n) { return twice(g, n, 1ms); });
    EXPECT_EQ(g.most, 4);
    EXPECT_EQ(g.started, 12);
    EXPECT_EQ(this_loop().now() - before, 3ms);
  });
}

TEST(MapConcurrent, WithLimitOneIsALoop) {
  simulate([]() -> task<> {
    gauge g;
    co_await map_concurrent(std::vector{1, 2, 3}, 1, [&](int n) { return twice(g, n, 1ms); });
    EXPECT_EQ(g.most, 1);
  });
}

TEST(MapConcurrent, WithLimitZeroIsRefused) {
  EXPECT_THROW((void)map_concurrent(std::vector{1}, 0, [](int) -> task<> { co_return; }),
               std::invalid_argument);
}

TEST(MapConcurrent, OfNothingCompletesAtOnce) {
  simulate([]() -> task<> {
    auto none =
        co_await map_concurrent(std::vector<int>(), 5, [](int n) -> task<int> { co_return n; });
    EXPECT_TRUE(none.empty());
  });
}

TEST(MapConcurrent, OfAFunctionWithoutAResultGivesVoid) {
  simulate([]() -> task<> {
    int sum = 0;
    auto t = map_concurrent(std::vector{1, 2, 3}, 2, [&](int n) -> task<> {
      sum += n;
      co_return;
    });
    static_assert(std::is_same_v<decltype(t), task<void>>);
    co_await std::move(t);
    EXPECT_EQ(sum, 6);
  });
}

TEST(MapConcurrent, MovesElementsOutOfAnRvalueAndCopiesThemOutOfAnLvalue) {
  simulate([]() -> task<> {
    std::vector<std::unique_ptr<int>> owned;
    owned.push_back(std::make_unique<int>(1));
    owned.push_back(std::make_unique<int>(2));
    auto read = [](std::unique_ptr<int> p) -> task<int> { co_return *p; };
    EXPECT_EQ(co_await map_concurrent(std::move(owned), 2, read), (std::vector{1, 2}));

    std::list<std::unique_ptr<int>> list;
    list.push_back(std::make_unique<int>(3));
    EXPECT_EQ(co_await map_concurrent(std::move(list), 2, read), (std::vector{3}));

    std::vector<std::string> kept{"a", "b"};
    auto size = [](std::string s) -> task<std::size_t> { co_return s.size(); };
    (void)co_await map_concurrent(kept, 2, size);
    EXPECT_EQ(kept.front(), "a");
  });
}

TEST(MapConcurrent, KeepsElementsAndFunctionUntilTheEnd) {
  simulate([]() -> task<> {
    auto make = [] {
      const std::vector<std::string> gone{"one", "three"};
      auto captured = std::make_unique<int>(10);
      return map_concurrent(std::span(gone), 2,
                            [c = std::move(captured)](const std::string& s) -> task<std::size_t> {
                              co_await sleep_for(1ms);
                              co_return s.size() + static_cast<std::size_t>(*c);
                            });
    };
    EXPECT_EQ(co_await make(), (std::vector<std::size_t>{13, 15}));
  });
}

TEST(MapConcurrent, ResultsNeedNoDefaultConstructor) {
  struct plain {
    explicit plain(int n) : value(n) {}
    int value;
  };
  simulate([]() -> task<> {
    auto all = co_await map_concurrent(std::vector{1, 2}, 2,
                                       [](int n) -> task<plain> { co_return plain(n); });
    EXPECT_EQ(all.back().value, 2);
    auto flags = co_await map_concurrent(std::vector{1, 2}, 2,
                                         [](int n) -> task<bool> { co_return n == 2; });
    EXPECT_EQ(flags, (std::vector<bool>{false, true}));
  });
}

TEST(MapConcurrent, TheFirstFailureCancelsTheRestAndTakesUpNothingMore) {
  simulate([]() -> task<> {
    gauge g;
    auto t = map_concurrent(std::views::iota(0, 100), 3, [&](int n) -> task<> {
      in_gauge here(g);
      co_await sleep_for(1ms);
      if (n == 4) throw std::out_of_range("four");
    });
    bool caught = false;
    try {
      co_await std::move(t);
    } catch (const std::out_of_range&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(g.running, 0);
    EXPECT_LE(g.started, 7);
  });
}

TEST(MapConcurrent, AThrowFromTheFunctionItselfIsAFailure) {
  simulate([]() -> task<> {
    auto throws = [](int n) -> task<int> {
      if (n == 2) throw std::out_of_range("two");
      return [](int m) -> task<int> { co_return m; }(n);
    };
    auto o = co_await as_result(map_concurrent(std::vector{1, 2, 3}, 1, throws));
    EXPECT_THROW((void)o.value(), std::out_of_range);
  });
}

TEST(MapConcurrent, AWokenWorkerTakesUpNoElementAfterACancellation) {
  simulate([]() -> task<> {
    gauge g;
    cancel_scope scope;
    event go;
    auto o = co_await scope.run(map_concurrent(std::views::iota(0, 10), 1, [&](int) -> task<> {
      in_gauge here(g);
      go.set();
      go.clear();
      scope.cancel();  // this worker runs: it ends its element and must not begin another
      co_return;
    }));
    EXPECT_TRUE(o.is_cancelled());
    EXPECT_EQ(g.started, 1);
  });
}

TEST(MapConcurrent, ACancellationDuringTheLastElementsLeavesTheResult) {
  simulate([]() -> task<> {
    cancel_scope scope;
    auto o = co_await scope.run(map_concurrent(std::vector{1, 2}, 2, [&](int n) -> task<int> {
      if (n == 2) scope.cancel();
      co_return n;
    }));
    EXPECT_TRUE(o.has_value());
  });
}

TEST(MapConcurrent, CancelledAtEveryWaitLeavesNothing) {
  gauge g;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<std::vector<int>> {
        return map_concurrent(std::vector{3, 1, 2, 5, 4}, 2,
                              [&](int k) { return twice(g, k, std::chrono::milliseconds(k)); });
      },
      [&](outcome<std::vector<int>>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) {
          EXPECT_EQ(o.value(), (std::vector{6, 2, 4, 10, 8}));
        }
        EXPECT_EQ(g.running, 0);
        EXPECT_LE(g.most, 2);
        g = {};
      });
  EXPECT_EQ(n.at_rest, 6U);
}

TEST(MapConcurrent, AMillionElementsNeedTheFramesOfTheLimit) {
  simulate([]() -> task<> {
    std::int64_t most = 0;
    auto all = co_await map_concurrent(std::views::iota(0, 1'000'000), 8, [&](int n) -> task<int> {
      most = std::max(most, detail::frames_alive());
      if (n % 1000 == 0) co_await yield_now();
      co_return n;
    });
    EXPECT_EQ(all.size(), 1'000'000U);
    EXPECT_EQ(all[123'456], 123'456);
    EXPECT_LE(most, 2 * 8 + 10);
  });
}
