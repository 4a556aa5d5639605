#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

generator<int> count(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}

// Writes down when it goes.
struct trace {
  std::string* log;
  char name;
  trace(std::string& l, char n) : log(&l), name(n) {}
  trace(const trace&) = delete;
  trace& operator=(const trace&) = delete;
  ~trace() { *log += name; }
};

generator<int> traced(std::string& log, std::chrono::seconds between) {
  const trace outer(log, 'o');
  for (int i = 0;; ++i) {
    const trace inner(log, 'i');
    co_await sleep_for(between);
    co_yield i;
  }
}

TEST(Generator, GivesItsValuesInOrderAndThenNothing) {
  simulate([]() -> task<> {
    auto g = count(3);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await g.next(), i);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await g.next(), std::nullopt);
    auto none = count(0);
    EXPECT_EQ(co_await none.next(), std::nullopt);
  });
}

TEST(Generator, RunsNothingBeforeTheFirstNext) {
  simulate([]() -> task<> {
    bool began = false;
    const auto begins = [](bool& b) -> generator<int> {
      b = true;
      co_yield 1;
    };
    {
      const auto dropped = begins(began);
    }
    auto g = begins(began);
    co_await yield_now();
    EXPECT_FALSE(began);
    EXPECT_EQ(co_await g.next(), 1);
    EXPECT_TRUE(began);
  });
}

TEST(Generator, AwaitsInBetween) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    queue<int> q(1);
    const auto doubled = [](queue<int>& from) -> generator<int> {
      while (const auto i = co_await from.next()) {
        co_await sleep_for(1s);
        co_yield 2 * *i;
      }
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 1; i <= 3; ++i) co_await q.put(i);
        q.close();
      });
      auto values = doubled(q);
      for (const int expected : {2, 4, 6}) EXPECT_EQ(co_await values.next(), expected);
      EXPECT_EQ(co_await values.next(), std::nullopt);
    });
    EXPECT_EQ(this_loop().now() - start, 3s);
  });
}

TEST(Generator, AwaitsTasksAndOtherGenerators) {
  simulate([]() -> task<> {
    const auto square = [](int i) -> task<int> {
      co_await yield_now();
      co_return i* i;
    };
    const auto squares = [&](int n) -> generator<int> {
      auto numbers = count(n);
      while (const auto i = co_await numbers.next()) co_yield co_await square(*i);
    };
    auto g = squares(4);
    for (const int expected : {0, 1, 4, 9}) EXPECT_EQ(co_await g.next(), expected);
    EXPECT_EQ(co_await g.next(), std::nullopt);
  });
}

TEST(Generator, ThrowsWhatItThrewAndIsAtItsEnd) {
  simulate([]() -> task<> {
    const auto fails = []() -> generator<int> {
      co_yield 1;
      co_await sleep_for(1s);
      throw std::out_of_range("two");
    };
    auto g = fails();
    EXPECT_EQ(co_await g.next(), 1);
    EXPECT_THROW((void)co_await g.next(), std::out_of_range);
    EXPECT_EQ(co_await g.next(), std::nullopt);
  });
}

TEST(Generator, ThrowsWhatItThrewBeforeItsFirstValue) {
  simulate([]() -> task<> {
    const auto fails = []() -> generator<int> {
      throw std::out_of_range("at once");
      co_yield 1;
    };
    auto g = fails();
    EXPECT_THROW((void)co_await g.next(), std::out_of_range);
    EXPECT_EQ(co_await g.next(), std::nullopt);
  });
}

TEST(Generator, DroppedEarlyRunsItsDestructorsAtOnceAndIsNotResumed) {
  simulate([]() -> task<> {
    std::string log;
    {
      auto g = traced(log, 1s);
      (void)co_await g.next();
      EXPECT_EQ(log, "");
    }
    EXPECT_EQ(log, "io");
    log.clear();
    auto g = traced(log, 1s);
    (void)co_await g.next();
    (void)co_await g.next();
    EXPECT_EQ(log, "i");
    g = count(1);
    EXPECT_EQ(log, "iio");
    EXPECT_EQ(co_await g.next(), 0);
  });
}

TEST(Generator, MovesBetweenTwoValues) {
  simulate([]() -> task<> {
    auto g = count(4);
    EXPECT_EQ(co_await g.next(), 0);
    auto moved = std::move(g);
    EXPECT_EQ(co_await moved.next(), 1);
    EXPECT_EQ(co_await g.next(), std::nullopt);  // NOLINT(bugprone-use-after-move): it is empty
    std::vector<generator<int>> several;
    several.push_back(std::move(moved));
    several.push_back(count(1));
    EXPECT_EQ(co_await several[0].next(), 2);
    EXPECT_EQ(co_await several[1].next(), 0);
    auto& itself = several[0];
    several[0] = std::move(itself);
    EXPECT_EQ(co_await several[0].next(), 3);
  });
}

TEST(Generator, StoppedInNextItIsAtItsEnd) {
  simulate([]() -> task<> {
    std::string log;
    auto g = traced(log, 2s);
    EXPECT_EQ(co_await try_for(3s, g.next()), std::optional(std::optional(0)));
    EXPECT_EQ(co_await try_for(1s, g.next()), std::nullopt);
    EXPECT_EQ(log, "iio");  // it has been taken apart, from the inside out
    EXPECT_EQ(co_await g.next(), std::nullopt);
  });
}

TEST(Generator, IsNotTouchedByANextThatNeverBegan) {
  simulate([]() -> task<> {
    auto g = count(2);
    EXPECT_EQ(co_await try_for(0s, g.next()), std::nullopt);
    {
      const auto dropped = g.next();
    }
    EXPECT_EQ(co_await g.next(), 0);
  });
}

TEST(Generator, IsTakenApartWithTheTaskThatIsCancelledInIt) {
  simulate([]() -> task<> {
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn([&]() -> task<> {
        const trace user(log, 'u');
        const auto outer = [&]() -> generator<int> {
          const trace t(log, 'O');
          auto inner = traced(log, 1s);
          while (const auto i = co_await inner.next()) co_yield *i;
        };
        auto values = outer();
        (void)co_await values.next();
        (void)co_await values.next();
        ADD_FAILURE();
      });
      co_await sleep_for(1500ms);
      EXPECT_EQ(log, "i");
      h.cancel();
      EXPECT_TRUE((co_await h.join()).is_cancelled());
    });
    EXPECT_EQ(log, "iioOu");
  });
}

TEST(Generator, SeesThatItIsUnwindingOnlyWhenItIsCancelled) {
  simulate([]() -> task<> {
    std::vector<bool> seen;
    const auto looks = [](std::vector<bool>& s) -> generator<int> {
      struct at_end {
        std::vector<bool>& s;
        ~at_end() { s.push_back(is_unwinding()); }
      };
      const at_end end{s};
      co_yield 1;
      co_await sleep_for(1h);
    };
    {
      auto dropped = looks(seen);
      (void)co_await dropped.next();
    }
    auto stopped = looks(seen);
    (void)co_await stopped.next();
    EXPECT_EQ(co_await try_for(1s, stopped.next()), std::nullopt);
    EXPECT_EQ(seen, (std::vector<bool>{false, true}));
  });
}

TEST(Generator, ValuesThatOnlyMoveGoThrough) {
  simulate([]() -> task<> {
    const auto makes = []() -> generator<std::unique_ptr<int>> {
      co_yield std::make_unique<int>(1);
      auto mine = std::make_unique<int>(2);
      co_yield std::move(mine);
      EXPECT_EQ(mine, nullptr);  // NOLINT(bugprone-use-after-move)
    };
    auto g = makes();
    EXPECT_EQ(**co_await g.next(), 1);
    EXPECT_EQ(**co_await g.next(), 2);
    EXPECT_EQ(co_await g.next(), std::nullopt);
  });
}

TEST(Generator, YieldingAVariableCopiesItAndYieldingATemporaryMovesIt) {
  struct counts {
    int copies = 0;
    int moves = 0;
    counts() = default;
    counts(const counts& o) : copies(o.copies + 1), moves(o.moves) {}
    counts(counts&& o) noexcept : copies(o.copies), moves(o.moves + 1) {}
    counts& operator=(const counts&) = delete;
  };
  simulate([]() -> task<> {
    const auto grows = []() -> generator<std::string> {
      std::string text = "a string too long to live inside the object itself: ";
      for (int i = 0; i < 3; ++i) {
        text += 'x';
        co_yield text;
      }
      co_yield "a temporary";
      const std::string constant = "constant";
      co_yield constant;
    };
    auto g = grows();
    for (const char* end : {"x", "xx", "xxx"})
      EXPECT_EQ(co_await g.next(),
                std::string("a string too long to live inside the object itself: ") + end);
    EXPECT_EQ(co_await g.next(), "a temporary");
    EXPECT_EQ(co_await g.next(), "constant");

    const auto yields = []() -> generator<counts> {
      counts variable;
      co_yield variable;
      co_yield counts();
    };
    auto values = yields();
    EXPECT_EQ((co_await values.next())->copies, 1);
    EXPECT_EQ((co_await values.next())->copies, 0);
  });
}

TEST(Generator, OfReferencesGivesPointersToWhatItYields) {
  simulate([]() -> task<> {
    std::vector<std::string> words{"one", "two", "three"};
    const auto each = [](std::vector<std::string>& v) -> generator<std::string&> {
      for (std::string& s : v) co_yield s;
    };
    auto g = each(words);
    while (const auto s = co_await g.next()) **s += '!';
    EXPECT_EQ(words, (std::vector<std::string>{"one!", "two!", "three!"}));

    const auto views = [](const std::vector<std::string>& v) -> generator<const std::string&> {
      for (const std::string& s : v) co_yield s;
      co_yield "a temporary that lives until the next next()";
    };
    auto c = views(words);
    for (const std::string& s : words) EXPECT_EQ(*co_await c.next(), &s);
    EXPECT_EQ(**co_await c.next(), "a temporary that lives until the next next()");
    EXPECT_EQ(co_await c.next(), std::nullopt);
  });
}

TEST(Generator, ValuesOfAnyAlignmentGoThrough) {
  struct alignas(64) wide {
    int number = 0;
  };
  simulate([]() -> task<> {
    const auto makes = []() -> generator<wide> {
      for (int i = 0; i < 5; ++i) {
        const wide w{i};
        co_await yield_now();
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&w) % 64, 0U);
        co_yield w;
      }
    };
    auto g = makes();
    for (int i = 0; i < 5; ++i) EXPECT_EQ((co_await g.next())->number, i);
  });
}

TEST(Generator, IsContinuedByWhicheverTaskCallsNext) {
  simulate([]() -> task<> {
    auto values = count(6);
    std::vector<int> seen;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int t = 0; t < 2; ++t)
        g.spawn([&]() -> task<> {
          for (int i = 0; i < 3; ++i) {
            seen.push_back(*co_await values.next());
            co_await yield_now();
          }
        });
      co_return;
    });
    std::vector<int> expected(6);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(seen, expected);
  });
}

TEST(Generator, AMillionValuesAtOnceNeedNoStackAndLetOthersRun) {
  simulate([]() -> task<> {
    std::int64_t sum = 0;
    int others = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto other = g.spawn([&]() -> task<> {
        for (;;) {
          ++others;
          co_await yield_now();
        }
      });
      auto values = count(1'000'000);
      while (const auto i = co_await values.next()) sum += *i;
      other.cancel();
    });
    EXPECT_EQ(sum, 499'999'500'000);
    // A value costs two of the awaits that one step may finish: the task that next() is, and the
    // generator.
    EXPECT_GT(others, 30'000);
  });
}

TEST(Generator, GeneratorsInsideGeneratorsAThousandDeep) {
  simulate([]() -> task<> {
    struct deep {
      static generator<int> make(int depth) {
        if (depth == 0) {
          for (int i = 0; i < 3; ++i) co_yield i;
          co_await sleep_for(1h);
        } else {
          auto inner = make(depth - 1);
          while (const auto i = co_await inner.next()) co_yield *i;
        }
      }
    };
    auto stopped = deep::make(1000);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await stopped.next(), i);
    EXPECT_EQ(co_await try_for(1s, stopped.next()), std::nullopt);
    auto dropped = deep::make(1000);
    EXPECT_EQ(co_await dropped.next(), 0);
  });
}

// Five awaits a value, so that the budget of 64 always ends at the same one of them: once at the
// step into the generator, it is there ever after.
TEST(Generator, NoLoopOverItOutlivesItsCancellation) {
  simulate([]() -> task<> {
    event set;
    set.set();
    const auto endless = [](event& e) -> generator<int> {
      for (int i = 0;; ++i) {
        for (int n = 0; n < 3; ++n) co_await e.wait();
        co_yield i;
      }
    };
    for (int phase = 0; phase < 5; ++phase) {
      cancel_scope s;
      int values = 0;
      const auto body = [&]() -> task<> {
        for (int i = 0; i < phase; ++i) co_await set.wait();
        auto g = endless(set);
        while (co_await g.next())
          if (++values == 20)
            s.cancel();  // running: it is marked
          else if (values > 1000)
            co_return;
      };
      EXPECT_TRUE((co_await s.run(body())).is_cancelled()) << phase;
      EXPECT_LT(values, 20 + 64) << phase;
    }
  });
}

TEST(Generator, IsCancelledAtEveryWait) {
  int alive = 0;
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        struct counted {
          int& n;
          explicit counted(int& c) : n(c) { ++n; }
          counted(const counted&) = delete;
          counted& operator=(const counted&) = delete;
          ~counted() { --n; }
        };
        const auto inner = [](int& c) -> generator<int> {
          const counted here(c);
          for (int i = 0; i < 2; ++i) {
            co_await sleep_for(1s);
            co_yield i;
          }
        };
        const auto outer = [&](int& c) -> generator<int> {
          const counted here(c);
          auto values = inner(c);
          while (const auto i = co_await values.next()) {
            co_await yield_now();
            co_yield *i;
          }
        };
        auto g = outer(alive);
        int got = 0;
        while (co_await g.next()) ++got;
        EXPECT_EQ(got, 2);
      },
      [&] { EXPECT_EQ(alive, 0); });
  EXPECT_EQ(n.at_rest, 4U);  // two sleeps, two yields
  EXPECT_EQ(n.posted, 4U);
  EXPECT_EQ(n.at_wake, 5U);  // and the first step
}

TEST(GeneratorDeathTest, TwoNextsAtOnce) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 std::string log;
                 auto values = traced(log, 1s);
                 co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(values.next());
                   g.spawn(values.next());
                   co_return;
                 });
               }),
               "rondo: generator::next was called while another next was under way");
}

TEST(GeneratorDeathTest, DestroyedOrMovedWhileNextIsUnderWay) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 std::string log;
                 co_await with_task_group([&](task_group& g) -> task<> {
                   auto values = traced(log, 1s);
                   g.spawn(values.next());
                   co_await yield_now();
                 });
               }),
               "rondo: a generator was destroyed or moved while its next\\(\\) was under way");
  EXPECT_DEATH(simulate([]() -> task<> {
                 std::string log;
                 auto values = traced(log, 1s);
                 co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(values.next());
                   co_await yield_now();
                   const auto moved = std::move(values);
                 });
               }),
               "rondo: a generator was destroyed or moved while its next\\(\\) was under way");
}

struct throws_at_end {
  ~throws_at_end() noexcept(false) { throw std::runtime_error("x"); }
};

TEST(GeneratorDeathTest, AnExceptionThatLeavesADestructorWhileItIsDroppedOrStopped) {
  const auto throws = []() -> generator<int> {
    const throws_at_end t;
    co_yield 1;
    co_await sleep_for(1h);
  };
  EXPECT_DEATH(simulate([&]() -> task<> {
                 auto g = throws();
                 (void)co_await g.next();
               }),
               "rondo: an exception left a destructor while a task was being destroyed");
  EXPECT_DEATH(simulate([&]() -> task<> {
                 auto g = throws();
                 (void)co_await g.next();
                 (void)co_await try_for(1s, g.next());
               }),
               "rondo: an exception left a destructor while a task was being destroyed");
}

}  // namespace
