#include "support/cancel_at_every_wait.hpp"
#include "support/cancel_pairs.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace start_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::cancel_pairs;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }
auto since(std::chrono::steady_clock::time_point start) { return this_loop().now() - start; }

// Ready with `n` after `d`; ends after `more`.
task<> server(started<int> ready, std::chrono::nanoseconds d, int n,
              std::chrono::nanoseconds more) {
  co_await sleep_for(d);
  ready(n);
  co_await sleep_for(more);
}
task<> fails_first(started<int>, std::chrono::nanoseconds d) {
  co_await sleep_for(d);
  throw std::out_of_range("not today");
}

TEST(Start, GivesTheValueWhenTheChildIsReadyAndTheChildRunsOn) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      EXPECT_EQ(co_await g.start(server, 2s, 7, 3s), 7);
      EXPECT_EQ(since(begun), 2s);
      EXPECT_EQ(g.size(), 1U);
    });
    EXPECT_EQ(since(begun), 5s);
  });
}

TEST(Start, TakesEveryKindOfCallable) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      const int captured = 5;
      EXPECT_EQ(co_await g.start([captured](started<int> ready) -> task<> {
        co_await yield_now();
        ready(captured);
        co_await yield_now();
        EXPECT_EQ(captured, 5);
      }),
                5);
      // By reference; the handle lives as long as the child.
      EXPECT_EQ(co_await g.start(
                    [](started<std::string>& ready, std::string text) -> task<> {
                      co_await yield_now();
                      ready(std::move(text));
                      co_await yield_now();
                    },
                    "hello"),
                "hello");
      // Generic: the type is said.
      EXPECT_EQ(co_await g.start<long>([](auto ready) -> task<> {
        ready(3L);
        co_return;
      }),
                3L);
      // Without a value, and with one that can be moved only.
      co_await g.start([](started<void> ready) -> task<> {
        ready();
        co_await sleep_for(1s);
      });
      auto pointer = co_await g.start(
          [](started<std::unique_ptr<int>> ready, std::unique_ptr<int> p) -> task<> {
            ready(std::move(p));
            co_return;
          },
          std::make_unique<int>(9));
      EXPECT_EQ(*pointer, 9);
      int there = 0;
      int& same = co_await g.start([&there](started<int&> ready) -> task<> {
        ready(there);
        co_return;
      });
      EXPECT_EQ(&same, &there);
    });
  });
}

TEST(Start, ThrowsWhatTheChildThrewBeforeItWasReadyAndTheGroupGoesOn) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      bool other_ended = false;
      g.spawn([&]() -> task<> {
        co_await sleep_for(5s);
        other_ended = true;
      });
      try {
        (void)co_await g.start(fails_first, 1s);
        ADD_FAILURE() << "it did not throw";
      } catch (const std::out_of_range& e) {
        EXPECT_STREQ(e.what(), "not today");
      }
      EXPECT_EQ(g.size(), 1U);
      EXPECT_EQ(co_await g.start(server, 1s, 2, 0s), 2);
      co_await sleep_for(4s);
      EXPECT_TRUE(other_ended);
    });
  });
}

TEST(Start, AFailureAfterItWasReadyIsTheGroups) {
  simulate([]() -> task<> {
    bool went_on = false;
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   co_await g.start([](started<void> ready) -> task<> {
                     ready();
                     co_await sleep_for(1s);
                     throw std::out_of_range("later");
                   });
                   went_on = true;
                   co_await forever();
                 }),
                 std::out_of_range);
    EXPECT_TRUE(went_on);
  });
}

TEST(Start, AFailureInTheStepInWhichItWasReadyIsTheGroupsToo) {
  simulate([]() -> task<> {
    bool went_on = false;
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   EXPECT_EQ(co_await g.start([](started<int> ready) -> task<> {
                     ready(1);
                     throw std::out_of_range("at once");
                     co_return;
                   }),
                             1);
                   went_on = true;
                   co_await forever();
                 }),
                 std::out_of_range);
    EXPECT_TRUE(went_on);  // a woken task resumes with its result first
  });
}

TEST(Start, AChildThatEndsWithoutSayingThatItIsReadyIsALogicError) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      try {
        (void)co_await g.start([](started<int>) -> task<> { co_return; });
        ADD_FAILURE() << "it did not throw";
      } catch (const std::logic_error& e) {
        EXPECT_STREQ(e.what(),
                     "task_group::start: the child ended without saying that it was ready");
      }
    });
  });
}

TEST(Start, SayingItTwiceOrTooLateIsALogicError) {
  simulate([]() -> task<> {
    std::optional<started<int>> kept;
    co_await with_task_group([&](task_group& g) -> task<> {
      EXPECT_EQ(co_await g.start([](started<int> ready) -> task<> {
        ready(1);
        EXPECT_THROW(ready(2), std::logic_error);
        started<int> moved = std::move(ready);
        EXPECT_THROW(ready(3), std::logic_error);  // NOLINT(bugprone-use-after-move)
        EXPECT_THROW(moved(4), std::logic_error);
        co_return;
      }),
                1);
      EXPECT_THROW((void)co_await g.start([&](started<int> ready) -> task<> {
        kept.emplace(std::move(ready));
        co_return;
      }),
                   std::logic_error);
    });
    EXPECT_THROW((*kept)(1), std::logic_error);
  });
}

TEST(Start, SomebodyElseMaySayItForTheChild) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      EXPECT_EQ(co_await g.start([](started<int> ready) -> task<> {
        this_loop().call_later(1s, [ready = std::move(ready)]() mutable { ready(4); });
        co_await sleep_for(2s);
      }),
                4);
    });
  });
}

TEST(Start, ACancelledCallerCancelsTheChildAndWaitsForItsCleanup) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      bool cleaned = false;
      EXPECT_FALSE((co_await try_for(1s, g.start([&](started<int>) -> task<> {
                     co_await finally(forever(), [&]() -> task<> {
                       co_await sleep_for(2s);
                       cleaned = true;
                     });
                   }))).has_value());
      EXPECT_TRUE(cleaned);
      EXPECT_EQ(since(begun), 3s);
      EXPECT_EQ(g.size(), 0U);
    });
  });
}

TEST(Start, AChildThatIsReadyAfterItsCallerWasCancelledIsStoppedAllTheSame) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    bool said = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      EXPECT_FALSE((co_await try_for(1s, g.start([&](started<int> ready) -> task<> {
                     co_await shield([&]() -> task<> {
                       co_await sleep_for(2s);
                       ready(1);
                       said = true;
                     });
                     ADD_FAILURE();
                   }))).has_value());
    });
    EXPECT_TRUE(said);
    EXPECT_EQ(since(begun), 2s);
  });
}

TEST(Start, AChildThatHasEndedWellWhenItsCallerWasCancelledGivesItsValue) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      EXPECT_EQ((co_await try_for(1s, g.start([](started<int> ready) -> task<> {
                  co_await finally([]() -> task<> { co_return; }, [] { return sleep_for(2s); });
                  ready(1);
                }))),
                1);
    });
  });
}

TEST(Start, AnErrorOfTheChildsCleanupWinsOverTheCancellationOfTheCaller) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      EXPECT_THROW((void)co_await try_for(1s, g.start([](started<int>) -> task<> {
                     co_await finally(forever(), []() -> task<> {
                       throw std::out_of_range("cleanup");
                       co_return;
                     });
                   })),
                   std::out_of_range);
    });
  });
}

TEST(Start, AfterItWasReadyACancelledCallerLeavesTheChildAlone) {
  simulate([]() -> task<> {
    const auto begun = this_loop().now();
    co_await with_task_group([](task_group& g) -> task<> {
      co_await try_for(2s, [&]() -> task<> {
        (void)co_await g.start(server, 1s, 1, 5s);
        co_await forever();
      });
      EXPECT_EQ(g.size(), 1U);
    });
    EXPECT_EQ(since(begun), 6s);
  });
}

TEST(Start, ACancelledGroupStopsTheChildAndTheCallerInIt) {
  simulate([]() -> task<> {
    bool went_on = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        (void)co_await g.start(server, 2s, 1, 0s);
        went_on = true;
      });
      co_await sleep_for(1s);
      g.cancel();
    });
    EXPECT_FALSE(went_on);
  });
}

TEST(Start, ACallerOutsideTheGroupThatIsCancelledGetsACancelledError) {
  simulate([]() -> task<> {
    task_group* inner = nullptr;
    co_await with_task_group([&](task_group& outer) -> task<> {
      outer.spawn([&]() -> task<> {
        co_await with_task_group([&](task_group& g) -> task<> {
          inner = &g;
          co_await forever();
        });
      });
      co_await wait_until_idle();
      outer.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        inner->cancel();
      });
      EXPECT_THROW((void)co_await inner->start(server, 2s, 1, 0s), cancelled_error);
    });
  });
}

TEST(Start, InAGroupThatIsBeingCancelledTheChildNeverRuns) {
  simulate([]() -> task<> {
    bool ran = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.cancel();
      co_await finally(yield_now(), [&]() -> task<> {
        EXPECT_THROW((void)co_await g.start([&](started<int>) -> task<> {
          ran = true;
          co_return;
        }),
                     cancelled_error);
      });
    });
    EXPECT_FALSE(ran);
  });
}

TEST(Start, WithACancellationDueTheChildNeverRuns) {
  simulate([]() -> task<> {
    bool ran = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      cancel_scope s;
      const auto how = co_await s.run([&]() -> task<> {
        s.cancel();
        (void)co_await g.start([&](started<int>) -> task<> {
          ran = true;
          co_return;
        });
      });
      EXPECT_TRUE(how.is_cancelled());
      EXPECT_EQ(g.size(), 0U);
    });
    EXPECT_FALSE(ran);
  });
}

TEST(Start, InTheTreeTheCallerWaitsForAChildToBeReady) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { (void)co_await g.start(server, 2s, 1, 0s); });
      co_await sleep_for(1s);
      EXPECT_NE(task_tree().find("waiting for a child to be ready"), std::string::npos)
          << task_tree();
    });
  });
}

TEST(Start, CancelledAtEveryWaitLeavesNothing) {
  bool got = false;
  const auto n = cancel_at_every_wait(reactor_kind::simulated, [&]() -> task<> {
    got = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      const int n = co_await g.start(
          [](started<int> ready, std::unique_ptr<int> p) -> task<> {
            co_await sleep_for(1s);
            co_await finally(yield_now(), []() -> task<> { co_await sleep_for(1s); });
            ready(*p);
            co_await sleep_for(1s);
          },
          std::make_unique<int>(3));
      EXPECT_EQ(n, 3);
      got = true;
      co_await sleep_for(5s);
    });
  });
  EXPECT_TRUE(got);
  EXPECT_EQ(n.at_rest, 8U);
}

// The caller cancelled at its k-th wait and the child at its j-th.
struct start_and_child {
  std::optional<int> got;
  bool refused = false;
  bool said = false;
  cancel_scope child;

  task<> one() {
    co_await with_task_group([this](task_group& g) -> task<> {
      try {
        got = co_await g.start([this](started<int> ready) -> task<> {
          (void)co_await child.run(
              [](started<int> r, bool& done) -> task<> {
                co_await sleep_for(2s);
                r(1);
                done = true;
                co_await sleep_for(1s);
              },
              std::move(ready), std::ref(said));
        });
      } catch (const std::logic_error&) {  // it ended without a word
        refused = true;
      }
      co_await sleep_for(1s);
    });
  }
  task<> other() {
    co_await sleep_for(1s);
    co_await yield_now();
    co_await sleep_for(500ms);
    child.cancel();
  }
  void check() const {
    if (got) EXPECT_TRUE(said);
    EXPECT_FALSE(got && refused);
  }
};

TEST(Start, CancelledAtEveryPairOfWaitsOfCallerAndChild) {
  const auto n = cancel_pairs<start_and_child>();
  EXPECT_GE(n.one, 1U);
  EXPECT_EQ(n.other, 3U);
}

}  // namespace

}  // namespace start_test
