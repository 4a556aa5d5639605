#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

namespace scope_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

task<int> after(std::chrono::nanoseconds d, int n) {
  co_await sleep_for(d);
  co_return n;
}
task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }

template <class Error>
task<> fails_after(std::chrono::nanoseconds d, Error e) {
  co_await sleep_for(d);
  throw e;
}

// Ends late: its cleanup takes `d` of its own.
task<> slow_to_stop(std::chrono::nanoseconds d) {
  co_await finally(forever(), [d] { return sleep_for(d); });
}

struct at_exit {
  explicit at_exit(bool& flag) : flag_(flag) {}
  at_exit(const at_exit&) = delete;
  at_exit& operator=(const at_exit&) = delete;
  ~at_exit() { flag_ = true; }
  bool& flag_;
};

auto since(std::chrono::steady_clock::time_point start) { return this_loop().now() - start; }

// --- timeout -------------------------------------------------------------------------------------

TEST(Timeout, GivesTheValueOfATaskThatEndsInTime) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    EXPECT_EQ(co_await timeout(2s, after(1s, 5)), 5);
    EXPECT_EQ(since(start), 1s);
  });
}

TEST(Timeout, ThrowsTimedOutAtItsDeadline) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    EXPECT_THROW(co_await timeout(1s, after(2s, 5)), timed_out);
    EXPECT_EQ(since(start), 1s);
  });
}

TEST(Timeout, TakesACallableWithArgumentsAndAPlainAwaitable) {
  simulate([]() -> task<> {
    const std::string text = "kept";
    EXPECT_EQ(co_await timeout(
                  1s,
                  [text](int n) -> task<std::string> {
                    co_await yield_now();
                    co_return text + std::to_string(n);
                  },
                  1),
              "kept1");
    EXPECT_THROW(co_await timeout(1ms, sleep_for(1s)), timed_out);
    event e;
    EXPECT_THROW(co_await timeout(1ms, e.wait()), timed_out);
  });
}

TEST(Timeout, ZeroOrNegativeTimeDoesNotStartTheTask) {
  simulate([]() -> task<> {
    for (const auto d : {0s, -1s, std::chrono::seconds::min()}) {
      bool started = false;
      bool destroyed = false;
      const auto body = [&](std::shared_ptr<at_exit>) -> task<> {
        started = true;
        co_return;
      };
      EXPECT_THROW(co_await timeout(d, body(std::make_shared<at_exit>(destroyed))), timed_out);
      EXPECT_FALSE(started);
      EXPECT_TRUE(destroyed);
    }
  });
}

TEST(Timeout, TooLongToCountNeverEnds) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await timeout(std::chrono::hours::max(), after(1h, 1)), 1);
    EXPECT_EQ(
        co_await timeout(std::chrono::duration<double>(std::numeric_limits<double>::infinity()),
                         after(1h, 2)),
        2);
  });
}

TEST(Timeout, WaitsForTheCleanupAndSoMayEndLate) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    EXPECT_THROW(co_await timeout(1s, slow_to_stop(3s)), timed_out);
    EXPECT_EQ(since(start), 4s);
  });
}

TEST(Timeout, AnErrorFromTheCleanupWins) {
  simulate([]() -> task<> {
    const auto body = []() -> task<> {
      co_await finally(forever(), [] { return fails_after(1ms, std::out_of_range("cleanup")); });
    };
    EXPECT_THROW(co_await timeout(1s, body()), std::out_of_range);
  });
}

TEST(Timeout, WhatTheTaskEndedWithCountsIfItEndedOtherwise) {
  simulate([]() -> task<> {
    // The deadline comes while the task cannot be stopped, and then it ends.
    EXPECT_EQ(co_await timeout(1s, finally(after(500ms, 7), [] { return sleep_for(2s); })), 7);
    EXPECT_THROW(co_await timeout(1s, shield(fails_after(2s, std::out_of_range("own")))),
                 std::out_of_range);
  });
}

TEST(Timeout, ATaskInAShieldIsStoppedWhenTheShieldEnds) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    EXPECT_THROW(co_await timeout(1s, shield(after(2s, 1))), timed_out);
    EXPECT_EQ(since(start), 2s);
  });
}

TEST(Timeout, OfTwoTimersOfOneInstantTheOneArmedFirstDecides) {
  simulate([]() -> task<> {
    // The deadline was armed first, and finds the task waiting.
    EXPECT_THROW(co_await timeout(1s, after(1s, 1)), timed_out);
    // The task's sleep was armed first: it is awake when the deadline comes in the same turn, and
    // keeps its result.
    const auto end = this_loop().now() + 1s;
    cancel_scope s;
    const auto body = [&]() -> task<int> {
      co_await sleep_until(end);
      co_return 4;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(s.run(body()));
      co_await sleep_for(1ms);
      s.set_deadline(end);
      EXPECT_EQ((co_await h).value(), 4);
      EXPECT_TRUE(s.cancelled());
    });
  });
}

TEST(Timeout, CancellationFromOutsideWinsOverADeadlineInTheSameTurn) {
  simulate([]() -> task<> {
    bool resumed = false;
    cancel_scope outer;
    const auto body = [&]() -> task<> {
      try {
        co_await timeout(1s, slow_to_stop(0s));
      } catch (...) {
        resumed = true;
      }
      resumed = true;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        outer.cancel();
      });
      const auto result = co_await outer.run(body());
      EXPECT_TRUE(result.is_cancelled());
      EXPECT_FALSE(resumed);
    });
  });
}

TEST(Timeout, OfNestedOnesThatAllRanOutOnlyTheOutermostThrows) {
  simulate([]() -> task<> {
    for (const bool inner_first : {false, true}) {
      std::string log;
      const auto innermost = [&]() -> task<> {
        try {
          co_await timeout(inner_first ? 1000ms : 1001ms, slow_to_stop(1s));
        } catch (const timed_out&) {
          log += "inner ";
        }
      };
      const auto middle = [&]() -> task<> {
        try {
          co_await timeout(inner_first ? 1001ms : 1000ms, innermost());
        } catch (const timed_out&) {
          log += "outer ";
        }
      };
      co_await middle();
      EXPECT_EQ(log, "outer ");
    }
  });
}

TEST(Timeout, TheInnerOneThrowsWhenItAloneRanOut) {
  simulate([]() -> task<> {
    std::string log;
    const auto body = [&]() -> task<> {
      try {
        co_await timeout(1s, forever());
      } catch (const timed_out&) {
        log += "inner ";
      }
    };
    co_await timeout(2s, body());
    EXPECT_EQ(log, "inner ");
  });
}

TEST(Timeout, UnderAPendingCancellationDoesNotStart) {
  simulate([]() -> task<> {
    bool started = false;
    cancel_scope s;
    const auto body = [&]() -> task<> {
      s.cancel();
      co_await timeout(1s, [&]() -> task<> {
        started = true;
        co_return;
      });
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_FALSE(started);
  });
}

TEST(Timeout, ThrowsWhatTheTaskThrows) {
  simulate([]() -> task<> {
    EXPECT_THROW(co_await timeout(1s, fails_after(1ms, std::out_of_range("x"))), std::out_of_range);
    EXPECT_THROW(co_await timeout(1s, fails_after(1ms, timed_out("own"))), timed_out);
  });
}

TEST(Timeout, LeavesNoTimerBehind) {
  simulate([]() -> task<> {
    co_await timeout(1h, after(1ms, 1));
    EXPECT_TRUE(detail::this_core().timers().empty());
  });
}

task<> nested_timeouts(int n, std::chrono::nanoseconds last) {
  if (n == 0)
    co_await sleep_for(last);
  else
    co_await timeout(1h, nested_timeouts(n - 1, last));
}

TEST(Timeout, TenThousandNestedOnesEndAndAreCancelled) {
  simulate([]() -> task<> {
    co_await nested_timeouts(10'000, 1ms);
    EXPECT_FALSE(co_await try_for(1ms, nested_timeouts(10'000, 1min)));
    EXPECT_THROW(co_await nested_timeouts(10'000, 2h), timed_out);
  });
}

// --- try_for -------------------------------------------------------------------------------------

TEST(TryFor, GivesTheValueOrNothing) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await try_for(2s, after(1s, 5)), 5);
    EXPECT_EQ(co_await try_for(1s, after(2s, 5)), std::nullopt);
  });
}

TEST(TryFor, OfVoidSaysWhetherItEnded) {
  simulate([]() -> task<> {
    EXPECT_TRUE(co_await try_for(2s, sleep_for(1s)));
    EXPECT_FALSE(co_await try_for(1s, sleep_for(2s)));
    EXPECT_FALSE(co_await try_for(0s, sleep_for(0s)));
  });
}

TEST(TryFor, ThrowsWhatTheTaskThrows) {
  simulate([]() -> task<> {
    EXPECT_THROW((void)co_await try_for(1s, fails_after(1ms, timed_out("own"))), timed_out);
  });
}

TEST(TryFor, OfAReferenceGivesAPointer) {
  simulate([]() -> task<> {
    int n = 0;
    const auto refer = [&]() -> task<int&> { co_return n; };
    const std::optional<int*> p = co_await try_for(1s, refer());
    EXPECT_EQ(*p, &n);
  });
}

// --- shield --------------------------------------------------------------------------------------

TEST(Shield, RunsOnAndIsAwaitedWhileTheCallerIsCancelled) {
  simulate([]() -> task<> {
    bool finished = false;
    bool went_on = false;
    const auto start = this_loop().now();
    const auto body = [&]() -> task<> {
      co_await shield([&]() -> task<> {
        co_await sleep_for(3s);
        finished = true;
      });
      went_on = true;
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_TRUE(finished);
    EXPECT_FALSE(went_on);
    EXPECT_EQ(since(start), 3s);
  });
}

TEST(Shield, GivesTheValueAndThrowsTheError) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await shield(after(1s, 6)), 6);
    EXPECT_THROW(co_await shield(fails_after(1s, std::out_of_range("x"))), std::out_of_range);
  });
}

TEST(Shield, IsNotACancellationPoint) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool ran = false;
    const auto body = [&]() -> task<> {
      s.cancel();
      co_await shield([&]() -> task<> {
        co_await sleep_for(1s);
        ran = true;
      });
      co_await yield_now();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_TRUE(ran);
  });
}

TEST(Shield, IsEnteredAtWhateverPointOfTheBudgetItIsReached) {
  for (int awaits = 0; awaits < 70; ++awaits) {
    SCOPED_TRACE(awaits);
    simulate([&]() -> task<> {
      cancel_scope s;
      event always;
      always.set();
      int begun = 0;
      int ended = 0;
      const auto body = [&]() -> task<> {
        co_await yield_now();
        for (int i = 0; i < awaits; ++i) co_await always.wait();
        ++begun;
        co_await shield([&]() -> task<> {
          co_await sleep_for(1s);
          ++ended;
        });
      };
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          for (int i = 0; i < 4; ++i) {
            co_await yield_now();
            if (begun == 1) s.cancel();
          }
        });
        (void)co_await s.run(body());
      });
      EXPECT_EQ(begun, ended);
    });
  }
}

TEST(Shield, ATimeoutInsideStillCounts) {
  simulate([]() -> task<> {
    const auto body = []() -> task<> {
      EXPECT_THROW(co_await shield(timeout(2s, forever())), timed_out);
    };
    const auto start = this_loop().now();
    EXPECT_TRUE(co_await try_for(1s, body()));  // it ended without another wait
    EXPECT_EQ(since(start), 2s);
  });
}

// --- finally -------------------------------------------------------------------------------------

TEST(Finally, RunsTheCleanupAfterAValue) {
  simulate([]() -> task<> {
    std::string log;
    const auto body = [&]() -> task<int> {
      co_await sleep_for(1s);
      log += "body ";
      co_return 3;
    };
    EXPECT_EQ(co_await finally(body(),
                               [&]() -> task<> {
                                 co_await sleep_for(1s);
                                 log += "cleanup ";
                               }),
              3);
    EXPECT_EQ(log, "body cleanup ");
  });
}

TEST(Finally, RunsTheCleanupAfterAnError) {
  simulate([]() -> task<> {
    bool cleaned = false;
    EXPECT_THROW(co_await finally(fails_after(1s, std::out_of_range("x")),
                                  [&]() -> task<> {
                                    co_await sleep_for(1s);
                                    cleaned = true;
                                  }),
                 std::out_of_range);
    EXPECT_TRUE(cleaned);
  });
}

TEST(Finally, RunsTheCleanupShieldedAfterACancellation) {
  simulate([]() -> task<> {
    bool cleaned = false;
    const auto body = [&]() -> task<> {
      co_await finally(forever(), [&]() -> task<> {
        for (int i = 0; i < 3; ++i) co_await sleep_for(1s);
        cleaned = true;
      });
      ADD_FAILURE() << "a cancelled task was resumed";
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_TRUE(cleaned);
  });
}

TEST(Finally, UnderAPendingCancellationTheBodyDoesNotStartAndTheCleanupRuns) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool started = false;
    bool cleaned = false;
    const auto body = [&]() -> task<> {
      s.cancel();
      co_await finally(
          [&]() -> task<> {
            started = true;
            co_return;
          },
          [&]() -> task<> {
            co_await sleep_for(1s);
            cleaned = true;
          });
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_FALSE(started);
    EXPECT_TRUE(cleaned);
  });
}

// Between what is acquired and the finally that releases it nothing may stop the task: not even the
// await that finds the budget spent.
TEST(Finally, RunsItsCleanupAtWhateverPointOfTheBudgetItIsReached) {
  for (int awaits = 0; awaits < 70; ++awaits) {
    for (const bool pending : {false, true}) {
      SCOPED_TRACE(awaits);
      simulate([&]() -> task<> {
        cancel_scope s;
        int held = 0;
        event always;
        always.set();
        const auto body = [&]() -> task<> {
          co_await yield_now();
          if (pending) s.cancel();
          for (int i = 0; i < awaits; ++i) co_await always.wait();
          ++held;
          co_await finally(sleep_for(1s), [&]() -> task<> {
            --held;
            co_return;
          });
        };
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (int i = 0; i < 4; ++i) {
              co_await yield_now();
              if (held == 1) s.cancel();
            }
          });
          (void)co_await s.run(body());
        });
        EXPECT_EQ(held, 0);
      });
    }
  }
}

TEST(Finally, IfBothFailTheBodysErrorIsThrownAndTheCleanupsIsReported) {
  std::string reported;
  run_as(options_for(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& x) {
      reported += x.what();
    }
  }),
         []() -> task<> {
           EXPECT_THROW(
               co_await finally(fails_after(1s, std::out_of_range("body")),
                                [] { return fails_after(1s, std::logic_error("cleanup")); }),
               std::out_of_range);
         });
  EXPECT_EQ(reported, "cleanup");
}

TEST(Finally, ThrowsTheCleanupsErrorWhenTheBodyHadAValueOrWasCancelled) {
  simulate([]() -> task<> {
    const auto cleanup = [] { return fails_after(1s, std::out_of_range("cleanup")); };
    EXPECT_THROW(co_await finally(after(1s, 1), cleanup), std::out_of_range);
    bool caught = false;
    const auto body = [&]() -> task<> {
      try {
        co_await finally(forever(), cleanup);
      } catch (const std::out_of_range&) {
        caught = true;
      }
      co_await sleep_for(1s);
      ADD_FAILURE() << "the cancellation was forgotten";
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_TRUE(caught);
  });
}

TEST(Finally, ACancellationDuringTheCleanupIsDeliveredAfterwards) {
  simulate([]() -> task<> {
    bool went_on = false;
    const auto body = [&]() -> task<> {
      const auto start = this_loop().now();
      EXPECT_EQ(co_await finally(after(1ms, 1), [] { return sleep_for(2s); }), 1);
      EXPECT_EQ(since(start), 2s + 1ms);
      went_on = true;
      co_await yield_now();
      ADD_FAILURE();
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_TRUE(went_on);
  });
}

TEST(Finally, KeepsACleanupWithCapturesUntilItHasEnded) {
  simulate([]() -> task<> {
    std::string log;
    const auto make = [&] {
      return finally(sleep_for(1s), [&log, text = std::string(100, 'x')]() -> task<> {
        co_await sleep_for(1s);
        log = text;
      });
    };
    co_await make();
    EXPECT_EQ(log, std::string(100, 'x'));
  });
}

TEST(Finally, NestedCleanupsRunInnermostFirst) {
  simulate([]() -> task<> {
    std::string log;
    const auto says = [&](std::string what) -> task<> {
      co_await sleep_for(1ms);
      log += what;
    };
    const auto body = [&]() -> task<> {
      co_await finally(finally(forever(), [&] { return says("inner "); }),
                       [&] { return says("outer "); });
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_EQ(log, "inner outer ");
  });
}

// --- cancel_scope --------------------------------------------------------------------------------

TEST(CancelScope, GivesTheOutcomeOfATaskThatEnds) {
  simulate([]() -> task<> {
    cancel_scope s;
    EXPECT_EQ((co_await s.run(after(1s, 4))).value(), 4);
    EXPECT_TRUE((co_await s.run(fails_after(1s, std::out_of_range("x")))).has_error());
    EXPECT_FALSE(s.cancelled());
  });
}

TEST(CancelScope, CancelledByAnotherTaskGivesCancelled) {
  simulate([]() -> task<> {
    cancel_scope s;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        s.cancel();
        s.cancel();
      });
      const auto start = this_loop().now();
      EXPECT_TRUE((co_await s.run(forever())).is_cancelled());
      EXPECT_EQ(since(start), 1s);
    });
  });
}

TEST(CancelScope, OnceCancelledLaterRunsDoNotStart) {
  simulate([]() -> task<> {
    cancel_scope s;
    s.cancel();
    EXPECT_TRUE(s.cancelled());
    bool started = false;
    EXPECT_TRUE((co_await s.run([&]() -> task<> {
                  started = true;
                  co_return;
                })).is_cancelled());
    EXPECT_FALSE(started);
  });
}

TEST(CancelScope, CancelledByItsOwnTaskTheTaskMayStillEndWithAValue) {
  simulate([]() -> task<> {
    cancel_scope s;
    const auto body = [&]() -> task<int> {
      s.cancel();
      co_return 1;
    };
    EXPECT_EQ((co_await s.run(body())).value(), 1);
  });
}

TEST(CancelScope, IsLevelTriggered) {
  simulate([]() -> task<> {
    cancel_scope s;
    std::string log;
    const auto body = [&]() -> task<> {
      s.cancel();
      log += "a";
      co_await finally(forever(), [&]() -> task<> {
        co_await sleep_for(1ms);
        log += "b";
      });
      log += "c";
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
    EXPECT_EQ(log, "ab");
  });
}

TEST(CancelScope, EndsAtItsDeadlineWhichMayBeMoved) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    cancel_scope s;
    s.set_deadline(start + 1s);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(500ms);
        s.set_deadline(start + 3s);
      });
      EXPECT_TRUE((co_await s.run(forever())).is_cancelled());
      EXPECT_EQ(since(start), 3s);
    });
  });
}

TEST(CancelScope, ADeadlineBeforeTheRunCountsToo) {
  simulate([]() -> task<> {
    cancel_scope s;
    s.set_deadline(this_loop().now() - 1s);
    co_await sleep_for(1ms);
    EXPECT_TRUE(s.cancelled());
    EXPECT_TRUE((co_await s.run(forever())).is_cancelled());
  });
}

TEST(CancelScope, ACancellationFromOutsideStopsTheCaller) {
  simulate([]() -> task<> {
    cancel_scope s;
    bool resumed = false;
    const auto body = [&]() -> task<> {
      (void)co_await s.run(forever());
      resumed = true;
    };
    EXPECT_FALSE(co_await try_for(1s, body()));
    EXPECT_FALSE(resumed);
    EXPECT_FALSE(s.cancelled());
  });
}

TEST(CancelScope, RunsOneTaskAtATime) {
  simulate([]() -> task<> {
    cancel_scope s;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn(s.run(after(1s, 1)));
      g.spawn(
          [&]() -> task<> { EXPECT_THROW((void)co_await s.run(after(1s, 2)), std::logic_error); });
      EXPECT_EQ((co_await first).value(), 1);
      EXPECT_EQ((co_await s.run(after(1s, 3))).value(), 3);
    });
  });
}

TEST(CancelScope, OutlivesARunWithItsDeadlineSet) {
  cancel_scope s;
  const auto arm = [&]() -> task<> {
    s.set_deadline(this_loop().now() + 1h);
    co_return;
  };
  run(arm(), run_options().reactor(reactor_kind::simulated));
  run(arm(), run_options().reactor(reactor_kind::simulated));
  EXPECT_FALSE(s.cancelled());
}

// Which of deadline, cancellation from outside and completion come, and in which order, within one
// turn.
TEST(CancelScope, ArbitratesWhatComesInOneTurn) {
  enum class ends { value, cancelled_inside, cancelled_outside };
  const auto happened = [](std::string_view order) {
    return simulate([=]() -> task<ends> {
      const auto at = this_loop().now() + 1s;
      event completion;
      cancel_scope deadline;
      cancel_scope outside;
      ends end = ends::cancelled_outside;
      // Timers of equal deadlines fire in order of creation; the scope's deadline is one of them.
      const auto body = [&]() -> task<> {
        const auto wait = [&]() -> task<> { co_await completion.wait(); };
        const outcome<void> o = co_await deadline.run(wait());
        end = o.has_value() ? ends::value : ends::cancelled_inside;
      };
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(outside.run(body()));
        co_await sleep_until(at);
        // All in this one step: nothing else runs in between.
        for (const char c : order) {
          if (c == 'd') deadline.cancel();
          if (c == 'o') outside.cancel();
          if (c == 'c') completion.set();
        }
      });
      co_return end;
    });
  };
  EXPECT_EQ(happened("c"), ends::value);
  EXPECT_EQ(happened("d"), ends::cancelled_inside);
  EXPECT_EQ(happened("o"), ends::cancelled_outside);
  EXPECT_EQ(happened("cd"), ends::value);
  EXPECT_EQ(happened("dc"), ends::cancelled_inside);
  EXPECT_EQ(happened("co"), ends::value);
  EXPECT_EQ(happened("oc"), ends::cancelled_outside);
  EXPECT_EQ(happened("cdo"), ends::value);
  EXPECT_EQ(happened("cod"), ends::value);
  EXPECT_EQ(happened("dco"),
            ends::cancelled_outside);  // outside wins over the deadline in the same turn
  EXPECT_EQ(happened("doc"), ends::cancelled_outside);
  EXPECT_EQ(happened("odc"), ends::cancelled_outside);
  EXPECT_EQ(happened("ocd"), ends::cancelled_outside);
  EXPECT_EQ(happened("do"), ends::cancelled_outside);
  EXPECT_EQ(happened("od"), ends::cancelled_outside);
}

// Scopes of four kinds, nested in every order, around a wait that never ends: each order stops, in
// bounded time.
TEST(Scopes, NestInAnyOrder) {
  constexpr int kinds = 5;
  const auto wrap = [](int kind, task<> t) -> task<> {
    switch (kind) {
      case 0: return timeout(1h, std::move(t));
      case 1: return finally(std::move(t), [] { return sleep_for(1ms); });
      case 2:
        return [](task<> inner) -> task<> {
          cancel_scope s;
          (void)co_await s.run(std::move(inner));
        }(std::move(t));
      case 3:
        return with_task_group([inner = std::move(t)](task_group& g) mutable -> task<> {
          g.spawn(std::move(inner));
          co_await yield_now();
        });
      default: return shield(timeout(1min, std::move(t)));
    }
  };
  int runs = 0;
  for (int a = 0; a < kinds; ++a)
    for (int b = 0; b < kinds; ++b)
      for (int c = 0; c < kinds; ++c)
        for (int d = 0; d < kinds; ++d) {
          SCOPED_TRACE(std::to_string(a) + std::to_string(b) + std::to_string(c) +
                       std::to_string(d));
          simulate([&]() -> task<> {
            const auto start = this_loop().now();
            bool timed = false;
            try {
              (void)co_await try_for(1s, wrap(a, wrap(b, wrap(c, wrap(d, forever())))));
            } catch (const timed_out&) {
              timed = true;
            }
            const bool shielded = a == 4 || b == 4 || c == 4 || d == 4;
            EXPECT_EQ(since(start) > 30s, shielded);
            EXPECT_TRUE(!timed || shielded);
          });
          ++runs;
        }
  EXPECT_EQ(runs, kinds * kinds * kinds * kinds);
}

task<> nested_scopes(int n, int& cleaned) {
  if (n == 0) co_await forever();
  if (n % 3 == 0) {
    co_await finally(nested_scopes(n - 1, cleaned), [&]() -> task<> {
      ++cleaned;
      co_return;
    });
  } else if (n % 3 == 1) {
    cancel_scope s;
    (void)co_await s.run(nested_scopes(n - 1, cleaned));
  } else {
    co_await with_task_group(
        [&](task_group& g) -> task<> { co_await g.spawn(nested_scopes(n - 1, cleaned)); });
  }
}

TEST(Scopes, TenThousandOfAllKindsNestedAreCancelled) {
  simulate([]() -> task<> {
    int cleaned = 0;
    EXPECT_FALSE(co_await try_for(1s, nested_scopes(10'000, cleaned)));
    EXPECT_EQ(cleaned, 3333);
  });
}

}  // namespace

}  // namespace scope_test
