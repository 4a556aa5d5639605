#include "support/environment_variable.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns/gather.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

using namespace std::chrono_literals;
using namespace rondo;
using rondo_test::run_as;
using rondo_test::simulate;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

task<> wait_for_item(queue<int>& q) {
  set_task_name("getter");
  co_await q.next();
}

task<int> seven() { co_return 7; }

}  // namespace

TEST(TaskTree, ShowsNameStateWaitAndPlaceOfEachTask) {
  std::string tree;
  simulate([&]() -> task<> {
    queue<int> q(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(wait_for_item(q));
      g.spawn(timeout(5s, sleep_for(2s)));
      co_await sleep_for(1s);
      tree = task_tree();
      q.close();
    });
  });
  EXPECT_TRUE(has(tree, "main: waiting for a task group")) << tree;
  EXPECT_TRUE(has(tree, "  body: running")) << tree;
  EXPECT_TRUE(has(tree, "child \"getter\" (spawned at inspect_test.cpp:")) << tree;
  EXPECT_TRUE(has(tree, "waiting for an item of a queue, 1.000 s, in ")) << tree;
  EXPECT_TRUE(has(tree, "wait_for_item(queue<int> &) at inspect_test.cpp:")) << tree;
  EXPECT_TRUE(has(tree, "waiting for a timeout")) << tree;
  EXPECT_TRUE(has(tree, "waiting for a time,")) << tree;
}

namespace {

constexpr int innermost_line = __LINE__ + 1;
task<> innermost(event& e) { co_await e.wait(); }
constexpr int middle_line = __LINE__ + 1;
task<> middle(event& e) { co_await innermost(e); }
constexpr int outermost_line = __LINE__ + 1;
task<> outermost(event& e) { co_await timeout(5s, middle(e)); }

std::string at_own_line(int n) { return "inspect_test.cpp:" + std::to_string(n) + "\n"; }

}  // namespace

TEST(TaskTree, NamesEveryAwaitOfATaskFromTheInnermostOutwards) {
  std::string tree;
  simulate([&]() -> task<> {
    event e;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(outermost(e));
      co_await sleep_for(1s);
      tree = task_tree();
      e.set();
    });
  });
  EXPECT_TRUE(
      has(tree, "in (anonymous namespace)::outermost(event &) at " + at_own_line(outermost_line)))
      << tree;
  EXPECT_TRUE(has(tree, "an event, 1.000 s, in (anonymous namespace)::innermost(event &) at " +
                            at_own_line(innermost_line) +
                            "      awaited in (anonymous namespace)::middle(event &) at " +
                            at_own_line(middle_line)))
      << tree;
  EXPECT_FALSE(has(tree, "scope.hpp") || has(tree, "wait.hpp")) << tree;
}

TEST(TaskTree, CutsAChainThatNobodyReads) {
  std::string tree;
  simulate([&]() -> task<> {
    struct nest {
      static task<> go(int n, event& e) {
        if (n > 0)
          co_await go(n - 1, e);
        else
          co_await e.wait();
      }
    };
    event e;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(nest::go(500, e));
      co_await sleep_for(1s);
      tree = task_tree();
      e.set();
    });
  });
  EXPECT_LT(std::count(tree.begin(), tree.end(), '\n'), 120) << tree;
  EXPECT_TRUE(has(tree, "…\n")) << tree;
}

TEST(TaskTree, ShowsTheBranchesOfAGather) {
  std::string tree;
  simulate([&]() -> task<> {
    event done;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { co_await gather(done.wait(), done.wait()); });
      co_await sleep_for(1s);
      tree = task_tree();
      done.set();
    });
  });
  std::size_t branches = 0;
  for (std::size_t at = tree.find("branch: waiting for an event"); at != std::string::npos;
       at = tree.find("branch: waiting for an event", at + 1))
    ++branches;
  EXPECT_EQ(branches, 2U) << tree;
}

namespace {

// The tree once `first` and `second`, which are named so, have come to rest.
template <class First, class Second>
std::string tree_of_two(First first, Second second) {
  std::string tree;
  simulate([&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto named = [](const char* name, auto& body) -> task<> {
        set_task_name(name);
        co_await body();
      };
      g.spawn(named("first", first));
      g.spawn(named("second", second));
      co_await sleep_for(1s);
      tree = task_tree();
      g.cancel();
    });
  });
  return tree;
}

// Through a scope, as a lock with a timeout is.
task<> lock_both(mutex& one, mutex& other) {
  const auto first = co_await one.lock();
  co_await yield_now();
  co_await timeout(1h, [&]() -> task<> { const auto second = co_await other.lock(); });
}

}  // namespace

TEST(TaskTree, NamesADeadlockOfTwoLocksAsOne) {
  mutex a;
  mutex b;
  const std::string tree =
      tree_of_two([&] { return lock_both(a, b); }, [&] { return lock_both(b, a); });
  EXPECT_TRUE(has(tree, "held by child \"first\"\n")) << tree;
  EXPECT_TRUE(has(tree, "held by child \"second\"\n")) << tree;
  EXPECT_TRUE(
      has(tree,
          "DEADLOCK: body of child \"first\" waits for a mutex that child \"second\" holds; "
          "body of child \"second\" waits for a mutex that child \"first\" holds\n"))
      << tree;
  EXPECT_EQ(tree.find("DEADLOCK"), tree.rfind("DEADLOCK")) << tree;
}

TEST(TaskTree, NamesTheHolderOfALockAndNoDeadlockWhereThereIsNone) {
  mutex m;
  const auto hold = [&]() -> task<> {
    const auto mine = co_await m.lock();
    co_await sleep_for(1h);
  };
  const auto want = [&]() -> task<> { const auto mine = co_await m.lock(); };
  const std::string tree = tree_of_two(hold, want);
  EXPECT_TRUE(has(tree, "held by child \"first\"\n")) << tree;
  EXPECT_FALSE(has(tree, "DEADLOCK")) << tree;
}

TEST(TaskTree, NamesATaskThatWaitsForItsOwnLock) {
  mutex m;
  const auto twice = [&]() -> task<> {
    const auto mine = co_await m.lock();
    const auto again = co_await m.lock();
  };
  const std::string tree = tree_of_two(twice, []() -> task<> { co_return; });
  EXPECT_TRUE(has(tree, "DEADLOCK: child \"first\" waits for a mutex that child \"first\" holds\n"))
      << tree;
}

TEST(TaskTree, NamesNoHolderThatHasEnded) {
  mutex m;
  std::optional<mutex::guard> kept;
  const auto lock = [&]() -> task<> { kept.emplace(co_await m.lock()); };
  const auto want = [&]() -> task<> {
    co_await yield_now();
    const auto mine = co_await m.lock();
  };
  const std::string tree = tree_of_two(lock, want);
  kept.reset();
  EXPECT_TRUE(has(tree, "waiting for a mutex")) << tree;
  EXPECT_FALSE(has(tree, "held by")) << tree;
}

TEST(TaskTree, TellsWhatStillWaitsInADeadlock) {
  try {
    simulate([]() -> task<> {
      event never;
      co_await never.wait();
    });
    FAIL() << "the deadlock was not reported";
  } catch (const std::logic_error& e) {
    EXPECT_TRUE(has(e.what(), "main: waiting for an event")) << e.what();
  }
}

TEST(TaskTree, IsCutWhereScopesAreNestedTooDeepToRead) {
  std::string tree;
  simulate([&]() -> task<> {
    struct nest {
      static task<> go(int n, std::string& out) {
        if (n > 0)
          co_await shield(go(n - 1, out));
        else
          out = task_tree();
      }
    };
    co_await nest::go(500, tree);
  });
  EXPECT_TRUE(has(tree, "…")) << tree.size();
}

TEST(RemainingTime, IsThatOfTheNearestDeadlineAround) {
  simulate([]() -> task<> {
    EXPECT_FALSE(remaining_time().has_value());
    co_await timeout(5s, []() -> task<> {
      EXPECT_EQ(remaining_time(), 5s);
      co_await sleep_for(1s);
      EXPECT_EQ(remaining_time(), 4s);
      co_await timeout(10s, []() -> task<> {
        EXPECT_EQ(remaining_time(), 4s);
        co_await try_for(1s, []() -> task<> {
          EXPECT_EQ(remaining_time(), 1s);
          co_return;
        });
      });
    });
    EXPECT_FALSE(remaining_time().has_value());
  });
}

TEST(RemainingTime, ReachesIntoTheChildrenOfAGroup) {
  simulate([]() -> task<> {
    co_await timeout(5s, with_task_group([](task_group& g) -> task<> {
                       g.spawn([]() -> task<> {
                         co_await sleep_for(2s);
                         EXPECT_EQ(remaining_time(), 3s);
                       });
                       co_return;
                     }));
  });
}

TEST(TaskLocal, IsSeenInsideAndInChildrenAndNotOutside) {
  simulate([]() -> task<> {
    const task_local<std::string> id;
    EXPECT_EQ(id.get(), nullptr);
    auto look = [&](const char* wanted) -> task<> {
      co_await yield_now();
      const std::string* found = id.get();
      EXPECT_TRUE(found && *found == wanted) << wanted;
    };
    co_await id.with("outer", [&]() -> task<> {
      co_await look("outer");
      co_await id.with("inner", look("inner"));
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(look("outer"));
        co_return;
      });
      co_await gather(look("outer"), id.with("other", look("other")));
    });
    EXPECT_EQ(id.get(), nullptr);
  });
}

TEST(Debugging, ReportsATaskThatNobodyAwaited) {
  testing::internal::CaptureStderr();
  run_as(run_options().reactor(reactor_kind::simulated).debug(true), []() -> task<> {
    {
      const auto forgotten = seven();
    }
    co_await seven();
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(has(said, "without ever being awaited")) << said;
  EXPECT_TRUE(has(said, "seven() at inspect_test.cpp:")) << said;
  EXPECT_EQ(said.find("without"), said.rfind("without")) << said;
}

TEST(Debugging, IsSwitchedOnByTheEnvironment) {
  const auto forget = []() -> task<> {
    {
      const auto forgotten = seven();
    }
    co_await seven();
  };
  const auto said_with = [&](const char* value) {
    const rondo_test::environment_variable e("RONDO_DEBUG", value);
    testing::internal::CaptureStderr();
    run_as(run_options().reactor(reactor_kind::simulated), forget);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_TRUE(has(said_with("1"), "without ever being awaited"));
  EXPECT_EQ(said_with("0"), "");
  EXPECT_EQ(said_with(nullptr), "");
  const rondo_test::environment_variable e("RONDO_DEBUG", "yes");
  EXPECT_THROW(run_as(run_options().reactor(reactor_kind::simulated), forget),
               std::invalid_argument);
}

TEST(Debugging, TheEnvironmentSaysWhatASlowStepIs) {
  const auto work = []() -> task<> { co_await sleep_for(1s); };
  const auto said_with = [&](const char* value) {
    const rondo_test::environment_variable e("RONDO_SLOW_STEP", value);
    testing::internal::CaptureStderr();
    run_as(run_options().reactor(reactor_kind::simulated), work);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_TRUE(has(said_with("1ns"), "rondo: a step took "));
  EXPECT_EQ(said_with("1.5m"), "");
  EXPECT_EQ(said_with(nullptr), "");
}

TEST(Debugging, AnEnvironmentThatCannotBeReadSaysWhatItMayBe) {
  const auto said_of = [](const char* name, const char* value) -> std::string {
    const rondo_test::environment_variable e(name, value);
    try {
      run(run_options().reactor(reactor_kind::simulated), []() -> task<> { co_return; });
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_EQ(said_of("RONDO_SLOW_STEP", "fast"),
            "RONDO_SLOW_STEP is \"fast\"; it may be a time with its unit, as 50ms, 1.5s or 200us");
  for (const char* bad : {"5", "-5ms", "5 ms", "ms", "5msx", "1e3ms", "nan", "inf"}) {
    EXPECT_TRUE(said_of("RONDO_STALL", bad).starts_with("RONDO_STALL is \"")) << bad;
    EXPECT_TRUE(said_of("RONDO_SLOW_STEP", bad).starts_with("RONDO_SLOW_STEP is \"")) << bad;
  }
  EXPECT_EQ(said_of("RONDO_DEBUG", "2"), "RONDO_DEBUG is \"2\"; it may be 0 or 1");
  for (const char* good : {"0", "50ms", "0.5s", "10us", "1m", "7ns", ""})
    EXPECT_EQ(said_of("RONDO_STALL", good), "nothing") << good;
}

TEST(Debugging, SaysNothingOfTasksThatACancellationTook) {
  testing::internal::CaptureStderr();
  run_as(run_options().reactor(reactor_kind::simulated).debug(true), []() -> task<> {
    co_await try_for(1s, []() -> task<> {
      auto later = seven();
      co_await sleep_for(2s);
      co_await std::move(later);
    });
    co_await with_task_group([](task_group& g) -> task<> {
      g.cancel();
      g.spawn(seven());
      co_return;
    });
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// What is said of the slow steps of a run.
template <class Main>
std::string slow_steps_of(Main main) {
  testing::internal::CaptureStderr();
  run_as(run_options().reactor(reactor_kind::simulated).debug(true).slow_step(1ns),
         std::move(main));
  return testing::internal::GetCapturedStderr();
}
std::string at_line(int n) { return "inspect_test.cpp:" + std::to_string(n) + ","; }

TEST(Debugging, TheFirstStepOfACallableIsNamedByWhereItCameToRest) {
  const std::string said = slow_steps_of([]() -> task<> {
    co_await timeout(5s, []() -> task<> {
      set_task_name("set in the first step");
      co_await sleep_for(1s);
    });
  });
  const int rests = __LINE__ - 3;
  EXPECT_TRUE(has(said, "of \"set in the first step\" took ")) << said;
  EXPECT_TRUE(has(said, "nobody else could run: before " + at_line(rests))) << said;
  EXPECT_FALSE(has(said, "wait.hpp")) << said;
  EXPECT_FALSE(has(said, "scope.hpp")) << said;
}

TEST(Debugging, AStepThatIsTheFirstAndTheLastIsNamedByWhereItsTaskBegan) {
  int spawned = 0;
  int awaited = 0;
  const std::string said = slow_steps_of([&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      spawned = __LINE__ + 1;
      g.spawn([]() -> task<> {
        set_task_name("ended in its first step");
        co_return;
      });
      co_return;
    });
    awaited = __LINE__ + 1;
    co_await timeout(5s, []() -> task<> { co_return; });
    co_await gather([]() -> task<> { co_return; }, []() -> task<> { co_return; });
  });
  EXPECT_TRUE(has(said, "of \"ended in its first step\" took ")) << said;
  EXPECT_TRUE(has(said, "in a task spawned at " + at_line(spawned))) << said;
  EXPECT_TRUE(has(said, "in a task awaited at " + at_line(awaited))) << said;
  EXPECT_TRUE(has(said, "in a task awaited at " + at_line(awaited + 1))) << said;
  EXPECT_FALSE(has(said, "task_group.hpp:") || has(said, "wait.hpp:")) << said;
}

TEST(Debugging, AMainThatEndsInItsFirstStepHasNoPlace) {
  const std::string said = [] {
    testing::internal::CaptureStderr();
    run(run_options().reactor(reactor_kind::simulated).debug(true).slow_step(1ns),
        []() -> task<> { co_return; });
    return testing::internal::GetCapturedStderr();
  }();
  EXPECT_TRUE(has(said, "nobody else could run: the first of its task\n")) << said;
}

TEST(Debugging, ANameGivenInAStepIsForgottenWithItsTask) {
  const std::string said = slow_steps_of([]() -> task<> {
    co_await timeout(5s, []() -> task<> {
      set_task_name("once");
      co_return;
    });
    co_await sleep_for(1s);
  });
  EXPECT_EQ(said.find("once"), said.rfind("once")) << said;
}

TEST(Debugging, ReportsAStepThatTookTooLong) {
  testing::internal::CaptureStderr();
  run_as(run_options().reactor(reactor_kind::simulated).debug(true).slow_step(1ns), []() -> task<> {
    set_task_name("glutton");
    co_await sleep_for(1s);
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(has(said, "a step")) << said;
  EXPECT_TRUE(has(said, "of \"glutton\"")) << said;
  EXPECT_TRUE(has(said, "inspect_test.cpp:")) << said;
}
