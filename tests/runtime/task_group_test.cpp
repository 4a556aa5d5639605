#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/core/random.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace task_group_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }
task<int> after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  co_return n;
}
task<> fails_after(std::chrono::nanoseconds d, const char* what) {
  co_await sleep_for(d);
  throw std::runtime_error(what);
}
// Ends by cancellation, but only after `d` of cleanup.
task<> slow_to_stop(std::chrono::nanoseconds d) {
  co_await finally(forever(), [d] { return sleep_for(d); });
}

auto since(std::chrono::steady_clock::time_point start) { return this_loop().now() - start; }

std::string what(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) {
    return x.what();
  }
}

// Simulation whose unhandled exceptions are written down.
run_options collecting(std::string& log) {
  return options_for(reactor_kind::simulated).on_unhandled([&log](const std::exception_ptr& e) {
    log += what(e) + " ";
  });
}

TEST(TaskGroup, WaitsForItsChildren) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    int done = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 1; i <= 3; ++i)
        g.spawn([&, i]() -> task<> {
          co_await sleep_for(i * 1s);
          ++done;
        });
      EXPECT_EQ(g.size(), 3U);
      co_return;
    });
    EXPECT_EQ(done, 3);
    EXPECT_EQ(since(start), 3s);
  });
}

TEST(TaskGroup, WithNothingInItEndsWithItsBody) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group&) -> task<> { co_return; });
    co_await with_task_group([](task_group&) -> task<> { co_await sleep_for(1s); });
  });
}

TEST(TaskGroup, ChildrenTakeTheirFirstStepFromTheReadyListInOrder) {
  simulate([]() -> task<> {
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (char c = 'a'; c <= 'e'; ++c)
        g.spawn([&, c]() -> task<> {
          log += c;
          co_return;
        });
      log += '.';
      co_await yield_now();
      log += '!';
    });
    EXPECT_EQ(log, ".abcde!");
  });
}

TEST(TaskGroup, TakesATaskACallableWithArgumentsAndAPlainAwaitable) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto a = g.spawn(after(1s, 1));
      auto b = g.spawn(
          [](int x, std::string y) -> task<std::string> { co_return y + std::to_string(x); }, 2,
          "two");
      auto c = g.spawn(sleep_for(1s));
      auto d = g.spawn(&after, 1ns, 4);
      static_assert(std::is_same_v<decltype(a), join_handle<int>>);
      static_assert(std::is_same_v<decltype(c), join_handle<void>>);
      EXPECT_EQ(co_await a, 1);
      EXPECT_EQ(co_await b, "two2");
      co_await c;
      EXPECT_EQ(co_await d, 4);
    });
  });
}

TEST(TaskGroup, KeepsCallablesAndArgumentsUntilTheChildHasEnded) {
  simulate([]() -> task<> {
    const auto kept = std::make_shared<int>(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      {
        auto h = g.spawn(
            [copy = kept](std::shared_ptr<int> argument) -> task<> {
              co_await sleep_for(1s);
              EXPECT_EQ(*copy + *argument, 2);
            },
            kept);
      }
      EXPECT_EQ(kept.use_count(), 3);
      co_await sleep_for(500ms);
      EXPECT_GE(kept.use_count(), 3);
      co_await sleep_for(1s);
      EXPECT_EQ(kept.use_count(), 1);
    });
  });
}

TEST(TaskGroup, ABodyThatIsAPlainFunctionMaySpawn) {
  simulate([]() -> task<> {
    int ran = 0;
    const auto nap = []() -> task<> { co_await sleep_for(1s); };
    co_await with_task_group([&](task_group& g) {
      g.spawn([&]() -> task<> {
        ++ran;
        co_return;
      });
      return nap();
    });
    EXPECT_EQ(ran, 1);
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(forever());
                   throw std::runtime_error("before there was a task");
                 }),
                 std::runtime_error);
  });
}

TEST(TaskGroup, FirstFailureCancelsTheOthersAndTheBodyAndIsRethrownWithItsOwnType) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    bool resumed = false;
    const auto group = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(forever());
        g.spawn([]() -> task<> {
          co_await sleep_for(1s);
          throw std::out_of_range("x");
        });
        co_await forever();
        resumed = true;
      });
    };
    EXPECT_THROW(co_await group(), std::out_of_range);
    EXPECT_FALSE(resumed);
    EXPECT_EQ(since(start), 1s);
  });
}

TEST(TaskGroup, AFailureOfTheBodyCancelsTheChildren) {
  simulate([]() -> task<> {
    EXPECT_THROW(co_await with_task_group([](task_group& g) -> task<> {
                   g.spawn(forever());
                   co_await sleep_for(1s);
                   throw std::out_of_range("body");
                 }),
                 std::out_of_range);
  });
}

TEST(TaskGroup, AfterAFailureItStillWaitsForEveryone) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    EXPECT_THROW(co_await with_task_group([](task_group& g) -> task<> {
                   g.spawn(slow_to_stop(5s));
                   g.spawn(fails_after(1s, "x"));
                   co_return;
                 }),
                 std::runtime_error);
    EXPECT_EQ(since(start), 6s);
  });
}

TEST(TaskGroup, LaterFailuresAreReported) {
  std::string reported;
  run_as(collecting(reported), []() -> task<> {
    std::string thrown;
    try {
      co_await with_task_group([](task_group& g) -> task<> {
        g.spawn(fails_after(1s, "first"));
        g.spawn(shield(fails_after(2s, "second")));
        g.spawn([]() -> task<> {
          co_await finally(forever(), [] { return fails_after(3s, "third"); });
        });
        co_return;
      });
    } catch (const std::runtime_error& e) {
      thrown = e.what();
    }
    EXPECT_EQ(thrown, "first");
  });
  EXPECT_EQ(reported, "second third ");
}

TEST(TaskGroup, AnErrorThatTheBodyJoinedAndRethrowsIsReportedOnce) {
  simulate([]() -> task<> {
    EXPECT_THROW(co_await with_task_group(
                     [](task_group& g) -> task<> { co_await g.spawn(fails_after(1s, "x")); }),
                 std::runtime_error);
  });
}

TEST(TaskGroup, AnErrorThatTheBodyCaughtStillFailsTheGroup) {
  simulate([]() -> task<> {
    bool caught = false;
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   try {
                     co_await g.spawn(fails_after(1s, "x"));
                   } catch (const std::runtime_error&) {
                     caught = true;
                   }
                   co_await yield_now();
                   ADD_FAILURE() << "the body is cancelled by then";
                 }),
                 std::runtime_error);
    EXPECT_TRUE(caught);
  });
}

TEST(TaskGroup, AChildCancelledOnItsOwnIsNotAFailure) {
  simulate([]() -> task<> {
    bool other = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(forever());
      g.spawn([&]() -> task<> {
        co_await sleep_for(2s);
        other = true;
      });
      co_await sleep_for(1s);
      h.cancel();
      co_return;
    });
    EXPECT_TRUE(other);
  });
}

TEST(TaskGroup, AChildCancelledBeforeItsFirstStepNeverRuns) {
  simulate([]() -> task<> {
    const auto argument = std::make_shared<int>(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(
          [](std::shared_ptr<int>) -> task<> {
            ADD_FAILURE();
            co_return;
          },
          argument);
      EXPECT_GE(argument.use_count(), 2);
      h.cancel();
      EXPECT_FALSE(h.done());  // only asked: it has not been taken apart
      EXPECT_TRUE((co_await h.join()).is_cancelled());
      EXPECT_EQ(argument.use_count(), 1);
    });
  });
}

TEST(TaskGroup, AChildThatWasAwakeResumesWithItsResultThoughCancelledInTheSameTurn) {
  simulate([]() -> task<> {
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      event e;
      auto h = g.spawn([&]() -> task<> {
        co_await e.wait();
        log += "resumed ";
        co_await yield_now();
        log += "too far ";
      });
      co_await yield_now();
      e.set();
      h.cancel();
      EXPECT_TRUE((co_await h.join()).is_cancelled());
    });
    EXPECT_EQ(log, "resumed ");
  });
}

TEST(TaskGroup, AChildThatCancelsItselfMayStillEndWithAValue) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      std::optional<join_handle<int>> h;
      h.emplace(g.spawn([&]() -> task<int> {
        h->cancel();
        co_return 1;
      }));
      EXPECT_EQ(co_await *h, 1);
    });
  });
}

TEST(TaskGroup, ACancellationFromOutsideStopsEveryoneAndThenTheCaller) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    bool resumed = false;
    const auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(slow_to_stop(1s));
        g.spawn(slow_to_stop(3s));
        co_await forever();
      });
      resumed = true;
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_FALSE(resumed);
    EXPECT_EQ(since(start), 4s);
  });
}

// The body was awake when the cancellation came, so it goes on to its end; but a part of its work
// has not run.
TEST(TaskGroup, ACancellationFromOutsideStopsTheCallerOfABodyThatSpawnsAfterIt) {
  simulate([]() -> task<> {
    bool resumed = false;
    cancel_scope scope;
    event wake;
    co_await with_task_group([&](task_group& outer) -> task<> {
      outer.spawn(scope.run([&]() -> task<> {
        co_await with_task_group([&](task_group& g) -> task<> {
          co_await wake.wait();
          g.spawn([]() -> task<> {
            ADD_FAILURE() << "it ran";
            co_return;
          });
        });
        resumed = true;
      }));
      co_await yield_now();
      wake.set();
      scope.cancel();
    });
    EXPECT_FALSE(resumed);
  });
}

TEST(TaskGroup, ARealErrorWinsOverACancellationFromOutsideWhichStaysPending) {
  simulate([]() -> task<> {
    bool caught = false;
    const auto body = [&]() -> task<> {
      try {
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([]() -> task<> {
            co_await finally(forever(), [] { return fails_after(1s, "cleanup"); });
          });
          co_await forever();
        });
      } catch (const std::runtime_error&) {
        caught = true;
      }
      co_await yield_now();
      ADD_FAILURE() << "the cancellation was forgotten";
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_TRUE(caught);
  });
}

TEST(TaskGroup, IfEverythingHadFinishedTheCallerResumesWithTheResult) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool resumed = false;
    const auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          s.cancel();  // asks this child, which ends with a value, and so does everyone
          co_return;
        });
        co_return;
      });
      resumed = true;
      co_await yield_now();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_TRUE(resumed);
  });
}

TEST(TaskGroup, AChildCancelledAloneDoesNotStopACallerWhoseOtherChildrenFinished) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool resumed = false;
    const auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        auto h = g.spawn(slow_to_stop(2s));
        co_await sleep_for(1s);
        h.cancel();
      });
      resumed = true;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(2s);  // while the child is being cleaned up
        s.cancel();
      });
      EXPECT_TRUE((co_await s.run(body())).has_value());
    });
    EXPECT_TRUE(resumed);
  });
}

TEST(TaskGroup, AChildThatTheGroupHadCancelledFirstWasNotCancelledAlone) {
  simulate([]() -> task<> {
    cancel_scope s;
    std::optional<join_handle<void>> h;
    bool resumed = false;
    const auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        h.emplace(g.spawn(slow_to_stop(1s)));
        co_return;
      });
      resumed = true;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        s.cancel();
        h->cancel();  // it has been asked already, by the scope
      });
      EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    });
    EXPECT_FALSE(resumed);
  });
}

TEST(TaskGroup, CancelStopsTheBodyTooAndReturnsNormally) {
  simulate([]() -> task<> {
    bool body_resumed = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(forever());
      g.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        g.cancel();
      });
      co_await forever();
      body_resumed = true;
    });
    EXPECT_FALSE(body_resumed);
    co_await sleep_for(1ms);  // nothing is pending here
  });
}

TEST(TaskGroup, CancelFromTheBodyItselfIsDeliveredAtItsNextWait) {
  simulate([]() -> task<> {
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(forever());
      g.cancel();
      log += "on ";
      co_await yield_now();
      log += "too far ";
    });
    EXPECT_EQ(log, "on ");
  });
}

TEST(TaskGroup, ACancelledGroupAndThenACancellationFromOutside) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool resumed = false;
    const auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(slow_to_stop(2s));
        co_await sleep_for(1s);
        g.cancel();
      });
      resumed = true;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(2s);
        s.cancel();
        s.cancel();
      });
      EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    });
    EXPECT_FALSE(resumed);
  });
}

TEST(TaskGroup, ChildrenMaySpawnSiblingsWhileTheGroupIsLeaving) {
  simulate([]() -> task<> {
    int depth = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      struct spawner {
        static task<> step(task_group& group, int& d) {
          co_await sleep_for(1s);
          if (++d < 5) group.spawn(step(group, d));
        }
      };
      g.spawn(spawner::step(g, depth));
      co_return;
    });
    EXPECT_EQ(depth, 5);
  });
}

TEST(TaskGroup, SpawningWhileItIsCancelledDestroysTheTaskUnrun) {
  simulate([]() -> task<> {
    const auto argument = std::make_shared<int>(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(forever());
      g.cancel();
      auto h = g.spawn(
          [](std::shared_ptr<int>) -> task<int> {
            ADD_FAILURE();
            co_return 1;
          },
          argument);
      EXPECT_EQ(argument.use_count(), 1);
      EXPECT_TRUE(h.done());
      h.cancel();
      EXPECT_EQ(g.size(), 1U);
      EXPECT_TRUE((co_await h.join()).is_cancelled());  // it is there already: nothing to wait for
    });
  });
}

TEST(TaskGroup, WhatIsSpawnedWhileItIsCancelledIsDestroyedAsCancelled) {
  struct sees_its_end {
    explicit sees_its_end(bool& w) : was_unwinding(&w) {}
    ~sees_its_end() { *was_unwinding = is_unwinding(); }
    bool* was_unwinding;
  };
  simulate([]() -> task<> {
    bool was_unwinding = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.cancel();
      g.spawn([](std::unique_ptr<sees_its_end>) -> task<> { co_return; },
              std::make_unique<sees_its_end>(was_unwinding));
      EXPECT_TRUE(was_unwinding);
      EXPECT_FALSE(is_unwinding());
      co_return;
    });
  });
}

TEST(TaskGroup, ACancelledBodyThatAwaitsAChildItCouldNotSpawnIsStoppedNotFailed) {
  simulate([]() -> task<> {
    cancel_scope s;
    const auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        s.cancel();
        co_await g.spawn(forever());
        ADD_FAILURE();
      });
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
  });
}

TEST(TaskGroup, SpawningAfterItEndedThrows) {
  simulate([]() -> task<> {
    event go;
    bool closed = false;
    task_group* inner = nullptr;
    co_await with_task_group([&](task_group& outer) -> task<> {
      outer.spawn([&]() -> task<> {
        co_await with_task_group([&](task_group& g) -> task<> {
          inner = &g;
          co_await go.wait();
        });
      });
      // Waits behind the inner group's body: it runs when that group has ended, before who awaits
      // it goes on.
      outer.spawn([&]() -> task<> {
        co_await yield_now();
        co_await go.wait();
        try {
          inner->spawn(forever());
        } catch (const group_closed&) {
          closed = true;
        }
      });
      for (int i = 0; i < 3; ++i) co_await yield_now();
      go.set();
    });
    EXPECT_TRUE(closed);
  });
}

TEST(TaskGroup, SizeCountsTheChildrenThatRun) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      EXPECT_EQ(g.size(), 0U);
      auto a = g.spawn(after(1s, 1));
      auto b = g.spawn(after(2s, 1));
      EXPECT_EQ(g.size(), 2U);
      co_await a;
      EXPECT_EQ(g.size(), 1U);
      b.cancel();
      EXPECT_EQ(g.size(), 1U);
      (void)co_await b.join();
      EXPECT_EQ(g.size(), 0U);
    });
  });
}

TEST(TaskGroup, TenThousandChildrenEndAndAreCancelled) {
  simulate([]() -> task<> {
    int done = 0;
    const auto group = [&](auto d) -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 10'000; ++i)
          g.spawn([&, d]() -> task<> {
            co_await sleep_for(d);
            ++done;
          });
        co_return;
      });
    };
    co_await group(1ms);
    EXPECT_EQ(done, 10'000);
    EXPECT_FALSE(co_await try_for(1ms, group(1h)));
    EXPECT_EQ(done, 10'000);
  });
}

// --- join_handle ---------------------------------------------------------------------------------

TEST(JoinHandle, GivesTheValueOrThrowsWhatTheChildThrew) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(after(1s, 5));
      EXPECT_FALSE(h.done());
      EXPECT_EQ(co_await h, 5);
      EXPECT_TRUE(h.done());
    });
    EXPECT_THROW(co_await with_task_group([](task_group& g) -> task<> {
                   auto h = g.spawn(fails_after(1s, "x"));
                   EXPECT_THROW(co_await h, std::runtime_error);
                 }),
                 std::runtime_error);
  });
}

TEST(JoinHandle, OfACancelledChildThrowsCancelledError) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(forever());
      h.cancel();
      h.cancel();
      EXPECT_THROW(co_await h, cancelled_error);
    });
  });
}

TEST(JoinHandle, JoinGivesTheOutcome) {
  simulate([]() -> task<> {
    std::optional<outcome<void>> failed;
    try {
      co_await with_task_group([&](task_group& g) -> task<> {
        EXPECT_EQ((co_await g.spawn(after(1s, 5)).join()).value(), 5);
        auto h = g.spawn(fails_after(1s, "x"));
        failed = co_await h.join();
      });
      ADD_FAILURE();
    } catch (const std::runtime_error&) {
    }
    EXPECT_TRUE(failed->has_error());
  });
}

TEST(JoinHandle, JoiningTwiceThrows) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(after(1s, 5));
      EXPECT_EQ(co_await h, 5);
      EXPECT_THROW(co_await h, std::logic_error);
      EXPECT_THROW((void)co_await h.join(), std::logic_error);
    });
  });
}

TEST(JoinHandle, TwoTasksCannotJoinAtOnce) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(after(2s, 5));
      auto first = h.join();
      auto second = h.join();  // both are made before either is awaited
      g.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        EXPECT_THROW((void)co_await std::move(second), std::logic_error);
      });
      EXPECT_EQ((co_await std::move(first)).value(), 5);
    });
  });
}

TEST(JoinHandle, CancellingTheJoinLeavesTheChildRunning) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(after(2s, 5));
      EXPECT_EQ(co_await try_for(1s, h.join()), std::nullopt);
      EXPECT_FALSE(h.done());
      EXPECT_EQ(co_await h, 5);
    });
  });
}

TEST(JoinHandle, AJoinerCancelledInTheTurnTheChildEndsHasTheResult) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      event end;
      auto child = g.spawn([&]() -> task<int> {
        co_await end.wait();
        co_return 5;
      });
      std::optional<int> got;
      auto joiner = g.spawn([&]() -> task<> { got = co_await child; });
      auto canceller = g.spawn([&]() -> task<> {
        co_await end.wait();  // woken after the child, so it runs when the joiner is awake
        joiner.cancel();
      });
      co_await yield_now();
      end.set();
      EXPECT_TRUE((co_await joiner.join()).has_value());
      EXPECT_EQ(got, 5);
      co_await canceller;
    });
  });
}

TEST(JoinHandle, MayBeDroppedAndMoved) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      {
        auto dropped = g.spawn(after(1s, 1));
      }
      auto a = g.spawn(after(1s, 2));
      auto b = std::move(a);
      a = g.spawn(after(1s, 3));
      b = std::move(a);
      EXPECT_EQ(co_await b, 3);
    });
  });
}

TEST(JoinHandle, MayOutliveChildGroupAndRun) {
  const std::int64_t before = detail::frames_alive();
  {
    std::optional<join_handle<std::string>> kept;
    simulate([&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        kept.emplace(g.spawn([]() -> task<std::string> { co_return std::string(100, 'x'); }));
        co_return;
      });
      EXPECT_TRUE(kept->done());
      kept->cancel();
      EXPECT_EQ((co_await as_result(*kept)).value(), std::string(100, 'x'));
    });
    EXPECT_TRUE(kept->done());
    EXPECT_EQ(detail::frames_alive(), before + 1);
  }
  EXPECT_EQ(detail::frames_alive(), before);
}

TEST(JoinHandle, WhatTheChildHeldIsBackWhenTheJoinerGoesOn) {
  simulate([]() -> task<> {
    const auto held = std::make_shared<int>(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn([](std::shared_ptr<int>) -> task<> { co_await sleep_for(1s); }, held);
      co_await h;
      EXPECT_EQ(held.use_count(), 1);
    });
  });
}

TEST(JoinHandle, ADroppedOneLeavesNoRecordBehind) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      const std::int64_t before = detail::frames_alive();
      for (int i = 0; i < 100; ++i) g.spawn(after(1ns, 1));
      co_await sleep_for(1ms);
      EXPECT_EQ(detail::frames_alive(), before);
    });
  });
}

TEST(JoinHandle, GivesAReferenceAndAMoveOnlyValue) {
  simulate([]() -> task<> {
    int n = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto r = g.spawn([&]() -> task<int&> { co_return n; });
      auto p = g.spawn([]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); });
      EXPECT_EQ(&co_await r, &n);
      EXPECT_EQ(*co_await p, 3);
    });
  });
}

struct throws_when_moved {
  explicit throws_when_moved(int n) : left(n) {}
  throws_when_moved(throws_when_moved&& other) : left(other.left - 1) {
    if (left < 0) throw std::runtime_error("moved");
  }
  throws_when_moved& operator=(throws_when_moved&&) = delete;
  int left;
};

TEST(JoinHandle, AValueThatCannotBeMovedOutIsAFailureOfTheChildOrOfTheJoin) {
  int failures = 0;
  for (int moves = 0; moves < 20; ++moves) {
    simulate([&]() -> task<> {
      try {
        co_await with_task_group([&](task_group& g) -> task<> {
          auto h = g.spawn([](int n) -> task<throws_when_moved> { co_return throws_when_moved(n); },
                           moves);
          (void)co_await h;
        });
      } catch (const std::runtime_error&) {
        ++failures;
      }
    });
  }
  EXPECT_GE(failures, 2);
  EXPECT_LT(failures, 20);
}

// Handles, cancels and joins in random order, against the rules: a child ends with its value
// exactly if it was not stopped, and everyone who joined hears the same.
TEST(TaskGroup, RandomCancelsAndJoinsKeepTheRules) {
  const int seeds = rondo_test::long_run() ? 5000 : 200;
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(seed);
    simulate([&]() -> task<> {
      detail::random_source random(static_cast<std::uint64_t>(seed));
      constexpr int children = 12;
      std::vector<bool> ended(children, false);
      int joined = 0;
      const bool cancel_group = random.chance(0.3);
      co_await with_task_group([&](task_group& g) -> task<> {
        std::vector<join_handle<int>> handles;
        for (int i = 0; i < children; ++i) {
          const auto naps = random.between(0, 3);
          const bool shielded = random.chance(0.3);
          handles.push_back(g.spawn([&, i, naps, shielded]() -> task<int> {
            const auto nap = [&]() -> task<> {
              for (int n = 0; n < naps; ++n) co_await sleep_for(std::chrono::nanoseconds(n));
            };
            if (shielded)
              co_await shield(nap());
            else
              co_await nap();
            ended[static_cast<std::size_t>(i)] = true;
            co_return i;
          }));
        }
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < children; ++i)
          order.insert(order.begin() + random.between(0, static_cast<std::int64_t>(i)), i);
        for (const std::size_t i : order) {
          if (random.chance(0.5))
            handles[static_cast<std::size_t>(random.between(0, children - 1))].cancel();
          if (random.chance(0.3)) co_await yield_now();
          if (cancel_group && random.chance(0.1)) g.cancel();
          const outcome<int> o = co_await handles[i].join();
          ++joined;
          EXPECT_FALSE(o.has_error());
          EXPECT_EQ(o.has_value(), static_cast<bool>(ended[i]));
          if (o.has_value()) EXPECT_EQ(o.value(), static_cast<int>(i));
          EXPECT_TRUE(handles[i].done());
        }
      });
      if (!cancel_group) EXPECT_EQ(joined, children);
    });
  }
}

}  // namespace

}  // namespace task_group_test
