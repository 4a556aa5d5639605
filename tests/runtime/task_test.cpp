#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace task_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

// Says when it is destroyed; what was moved from says nothing.
class traced {
 public:
  traced(std::string& log, std::string name) : log_(&log), name_(std::move(name)) {}
  traced(traced&& other) noexcept
      : log_(std::exchange(other.log_, nullptr)), name_(std::move(other.name_)) {}
  traced& operator=(traced&&) = delete;
  ~traced() {
    if (log_) *log_ += name_ + " ";
  }

 private:
  std::string* log_;
  std::string name_;
};

task<int> ready(int n) { co_return n; }

TEST(Task, GivesItsValue) { EXPECT_EQ(simulate(ready(42)), 42); }

TEST(Task, IsMoveOnlyAndOfOneWord) {
  static_assert(!std::is_copy_constructible_v<task<int>>);
  static_assert(std::is_nothrow_move_constructible_v<task<int>>);
  static_assert(sizeof(task<int>) == sizeof(void*));
  static_assert(std::is_same_v<task<>, task<void>>);
}

TEST(Task, DoesNotStartUntilAwaited) {
  bool started = false;
  simulate([&]() -> task<> {
    auto t = [](bool& s) -> task<> {
      s = true;
      co_return;
    }(started);
    EXPECT_FALSE(started);
    co_await yield_now();
    EXPECT_FALSE(started);
    co_await std::move(t);
    EXPECT_TRUE(started);
  });
}

TEST(Task, MayBeMadeWhereNoLoopRuns) {
  auto t = ready(7);
  EXPECT_EQ(simulate(std::move(t)), 7);
}

TEST(Task, NeverAwaitedIsDestroyedWithItsArguments) {
  std::string log;
  {
    auto t = [](traced) -> task<> { co_return; }(traced(log, "argument"));
    EXPECT_EQ(log, "");
  }
  EXPECT_EQ(log, "argument ");
}

TEST(Task, MovedFromAndEmptyAreFalse) {
  task<int> empty;
  EXPECT_FALSE(empty);
  task<int> t = ready(1);
  EXPECT_TRUE(t);
  task<int> u = std::move(t);
  EXPECT_FALSE(t);
  EXPECT_TRUE(u);
  u = ready(2);
  EXPECT_EQ(simulate(std::move(u)), 2);
}

TEST(Task, MoveAssignmentDestroysWhatWasHeld) {
  std::string log;
  const auto holds = [](traced) -> task<> { co_return; };
  task<> t = holds(traced(log, "first"));
  t = holds(traced(log, "second"));
  EXPECT_EQ(log, "first ");
  t = task<>();
  EXPECT_EQ(log, "first second ");
}

TEST(Task, AwaitingTakesTheFrameSoThatTheTaskMayBeReused) {
  simulate([]() -> task<> {
    task<int> t = ready(1);
    EXPECT_EQ(co_await std::move(t), 1);
    EXPECT_FALSE(t);
    t = ready(2);
    EXPECT_EQ(co_await std::move(t), 2);
  });
}

TEST(Task, AssigningOverATaskWhileItRunsIsHarmless) {
  simulate([]() -> task<> {
    task<> slow;
    slow = []() -> task<> { co_await sleep_for(1ms); }();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        slow = task<>();  // the one that runs is the awaiter's
        co_return;
      });
      co_await std::move(slow);
    });
  });
}

TEST(Task, GivesAReference) {
  simulate([]() -> task<> {
    int n = 1;
    const auto refer = [](int& r) -> task<int&> {
      co_await yield_now();
      co_return r;
    };
    int& r = co_await refer(n);
    EXPECT_EQ(&r, &n);
    const outcome<int&> o = co_await as_result(refer(n));
    EXPECT_EQ(&o.value(), &n);
  });
}

TEST(Task, GivesAConstReference) {
  simulate([]() -> task<> {
    const std::string text = "text";
    const auto refer = [](const std::string& r) -> task<const std::string&> { co_return r; };
    EXPECT_EQ(&co_await refer(text), &text);
  });
}

TEST(Task, GivesAMoveOnlyValue) {
  simulate([]() -> task<> {
    const auto make = []() -> task<std::unique_ptr<int>> {
      auto p = std::make_unique<int>(5);
      co_return p;
    };
    const std::unique_ptr<int> p = co_await make();
    EXPECT_EQ(*p, 5);
  });
}

struct no_default {
  explicit no_default(int n) : value(n) {}
  int value;
};

TEST(Task, GivesAValueWithoutADefault) {
  EXPECT_EQ(simulate([]() -> task<no_default> { co_return no_default(3); }).value, 3);
}

TEST(Task, BuildsItsValueFromWhatIsReturned) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await []() -> task<std::string> { co_return "text"; }(), "text");
    EXPECT_EQ((co_await []() -> task<std::pair<int, int>> { co_return {1, 2}; }()),
              std::pair(1, 2));
  });
}

struct alignas(64) wide {
  std::array<std::uint8_t, 64> bytes{};
};

TEST(Task, GivesAnOverAlignedValueAndKeepsOverAlignedLocals) {
  simulate([]() -> task<> {
    const auto aligned = [](const wide& w) {
      return reinterpret_cast<std::uintptr_t>(&w) % alignof(wide) == 0;
    };
    const auto make = [&](std::uint8_t n) -> task<wide> {
      wide local;
      EXPECT_TRUE(aligned(local));
      co_await yield_now();
      EXPECT_TRUE(aligned(local));
      local.bytes[0] = n;
      co_return local;
    };
    const wide w = co_await make(9);
    EXPECT_EQ(w.bytes[0], 9);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(make(8));
      const outcome<wide> o = co_await h.join();
      EXPECT_EQ(o.value().bytes[0], 8);
    });
  });
}

TEST(Task, ThrowsWhatItsBodyThrows) {
  simulate([]() -> task<> {
    const auto fails = []() -> task<int> {
      co_await yield_now();
      throw std::out_of_range("far");
    };
    EXPECT_THROW(co_await fails(), std::out_of_range);
  });
}

TEST(Task, ThrownAwayResultOfAFailedTaskIsDestroyed) {
  simulate([]() -> task<> {
    try {
      co_await []() -> task<> {
        throw std::runtime_error("x");
        co_return;
      }();
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "x");
    }
  });
}

struct throws_when_moved {
  throws_when_moved() = default;
  throws_when_moved(throws_when_moved&& other) : left(other.left - 1) {
    if (left < 0) throw std::runtime_error("moved");
  }
  throws_when_moved& operator=(throws_when_moved&&) = delete;
  int left = 0;
};

TEST(Task, ThrowsWhatMovingItsValueThrows) {
  for (int moves = 0; moves < 3; ++moves) {
    SCOPED_TRACE(moves);
    simulate([&]() -> task<> {
      const auto make = [&]() -> task<throws_when_moved> {
        throws_when_moved v;
        v.left = moves;
        co_return v;
      };
      bool threw = false;
      try {
        [[maybe_unused]] const throws_when_moved v = co_await make();
      } catch (const std::runtime_error&) {
        threw = true;
      }
      EXPECT_EQ(threw, moves < 2);  // into the slot, and out of it
    });
  }
}

struct throws_when_destroyed {
  throws_when_destroyed() = default;
  throws_when_destroyed(const throws_when_destroyed&) = delete;
  throws_when_destroyed& operator=(const throws_when_destroyed&) = delete;
  ~throws_when_destroyed() noexcept(false) { throw std::logic_error("destroyed"); }
};

TEST(Task, ThrowFromALocalsDestructorReplacesTheValue) {
  simulate([]() -> task<> {
    const auto make = []() -> task<std::string> {
      const throws_when_destroyed local;
      co_return std::string(100, 'x');
    };
    EXPECT_THROW(co_await make(), std::logic_error);
  });
}

TEST(Task, DestroysLocalsBeforeItsAwaiterGoesOn) {
  std::string log;
  simulate([&]() -> task<> {
    co_await [](std::string& l) -> task<> {
      const traced a(l, "a");
      const traced b(l, "b");
      co_await yield_now();
    }(log);
    log += "awaiter ";
  });
  EXPECT_EQ(log, "b a awaiter ");
}

TEST(Task, KeepsItsArgumentsUntilItEnds) {
  simulate([]() -> task<> {
    const auto length = [](std::string s) -> task<std::size_t> {
      co_await yield_now();
      co_return s.size();
    };
    EXPECT_EQ(co_await length(std::string(1000, 'x')), 1000U);
  });
}

TEST(Task, AwaitsInLoopConditionsAndBranches) {
  simulate([]() -> task<> {
    int n = 0;
    const auto next = [&]() -> task<int> {
      co_await yield_now();
      co_return ++n;
    };
    while (co_await next() != 5) {
    }
    EXPECT_EQ(n, 5);
    switch (co_await next()) {
      case 6: break;
      default: ADD_FAILURE();
    }
    if (co_await next() == 7 && co_await next() == 8) n = 100;
    EXPECT_EQ(n, 100);
    const int sum = co_await next() + co_await next();
    EXPECT_EQ(sum, 203);
    const std::vector<int> v{co_await next(), co_await next()};
    EXPECT_EQ(v, (std::vector<int>{103, 104}));
  });
}

TEST(Task, AMillionAwaitsThatFinishAtOnceNeedNoStack) {
  const auto sum = simulate([]() -> task<std::int64_t> {
    std::int64_t s = 0;
    for (int i = 0; i < 1'000'000; ++i) s += co_await ready(1);
    co_return s;
  });
  EXPECT_EQ(sum, 1'000'000);
}

constexpr int deep = 200'000;

task<int> chain(int n) {
  if (n == 0) {
    co_await sleep_for(1ms);
    co_return 0;
  }
  co_return 1 + co_await chain(n - 1);
}

TEST(Task, AChainTwoHundredThousandDeepRunsToItsEnd) { EXPECT_EQ(simulate(chain(deep)), deep); }

TEST(Task, AChainTwoHundredThousandDeepIsCancelled) {
  simulate([]() -> task<> { EXPECT_EQ(co_await try_for(1us, chain(deep)), std::nullopt); });
}

task<> failing_chain(int n) {
  if (n == 0) {
    co_await yield_now();
    throw std::runtime_error("from the bottom");
  }
  co_await failing_chain(n - 1);
}

TEST(Task, AnExceptionClimbsAChainOfTwentyThousand) {
  simulate([]() -> task<> { EXPECT_THROW(co_await failing_chain(20'000), std::runtime_error); });
}

task<int> holder(task<int> inner, bool await_it) {
  if (!await_it) co_return 0;
  co_return 1 + co_await std::move(inner);
}

task<int> nest(bool await_them) {
  task<int> t = ready(0);
  for (int i = 0; i < deep; ++i) t = holder(std::move(t), await_them);
  return t;
}

TEST(Task, UnstartedTasksPassedByValueTwoHundredThousandDeepAreDestroyed) {
  {
    const task<int> t = nest(true);
  }
  EXPECT_EQ(simulate(nest(false)), 0);  // the outermost runs, the others never start
}

TEST(Task, TasksPassedByValueTwoHundredThousandDeepRun) { EXPECT_EQ(simulate(nest(true)), deep); }

TEST(Task, TasksPassedByValueTwoHundredThousandDeepAreCancelled) {
  simulate([]() -> task<> {
    task<int> t = chain(0);
    for (int i = 0; i < deep; ++i) t = holder(std::move(t), true);
    EXPECT_EQ(co_await try_for(1us, std::move(t)), std::nullopt);
  });
}

TEST(Task, CancelledIsUnwoundInnermostFirstWithoutAnException) {
  std::string log;
  simulate([&]() -> task<> {
    const auto inner = [&](traced) -> task<> {
      const traced local(log, "inner-local");
      try {
        co_await sleep_for(1h);
      } catch (...) {
        log += "caught ";
      }
      log += "resumed ";
    };
    const auto outer = [&](traced) -> task<> {
      const traced local(log, "outer-local");
      co_await inner(traced(log, "inner-argument"));
      log += "resumed ";
    };
    EXPECT_FALSE(co_await try_for(1ms, outer(traced(log, "outer-argument"))));
  });
  EXPECT_EQ(log, "inner-local inner-argument outer-local outer-argument ");
}

struct sees_unwinding {
  sees_unwinding(bool& unwinding, int& exceptions)
      : unwinding_(unwinding), exceptions_(exceptions) {}
  sees_unwinding(const sees_unwinding&) = delete;
  sees_unwinding& operator=(const sees_unwinding&) = delete;
  ~sees_unwinding() {
    unwinding_ = is_unwinding();
    exceptions_ = std::uncaught_exceptions();
  }
  bool& unwinding_;
  int& exceptions_;
};

TEST(Task, IsUnwindingIsTrueOnlyWhileACancelledTaskIsTakenApart) {
  bool unwinding = false;
  int exceptions = -1;
  const auto body = [&](auto wait) -> task<> {
    const sees_unwinding guard(unwinding, exceptions);
    co_await wait;
  };
  simulate([&]() -> task<> {
    co_await body(sleep_for(1ns));
    EXPECT_FALSE(unwinding);
    EXPECT_FALSE(co_await try_for(1ns, body(sleep_for(1h))));
    EXPECT_TRUE(unwinding);
    EXPECT_EQ(exceptions, 0);
    EXPECT_FALSE(is_unwinding());
  });
}

TEST(Task, AwaitableOfOnesOwnFollowsTheContract) {
  class switch_wait final : public detail::wait_base {
   public:
    switch_wait(bool open, detail::job*& waiting) : open_(open), waiting_(&waiting) {}
    bool begin(detail::job& j) noexcept override {
      if (open_) return true;
      if (j.must_stop()) {
        j.wake_stopped();
        return false;
      }
      *waiting_ = &j;
      j.wait_on(*this);
      return false;
    }
    void cancel(detail::job& j) noexcept override {
      *waiting_ = nullptr;
      j.wake_stopped();
    }
    int await_resume() const noexcept { return 3; }

   private:
    bool open_;
    detail::job** waiting_;
  };
  simulate([]() -> task<> {
    detail::job* waiting = nullptr;
    EXPECT_EQ((co_await switch_wait(true, waiting)), 3);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(switch_wait(false, waiting));
      co_await yield_now();
      EXPECT_NE(waiting, nullptr);
      waiting->wake();
      EXPECT_EQ(co_await h, 3);
      auto cancelled = g.spawn(switch_wait(false, waiting));
      co_await yield_now();
      cancelled.cancel();
      EXPECT_TRUE((co_await cancelled.join()).is_cancelled());
      EXPECT_EQ(waiting, nullptr);
    });
  });
}

}  // namespace

}  // namespace task_test
