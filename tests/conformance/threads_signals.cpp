// Signals that a task raises itself: they are delivered in a coming turn on every reactor. Signals
// from outside, and run() and SIGINT: tests/runtime/signals_test.cpp.

#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/disposition.hpp"

#include <rondo/runtime.hpp>

#include <csignal>
#include <string>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::disposition;
using rondo_test::run_on;

CONFORMANCE(Signals, NextSignalGivesTheNumber) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  const disposition too(SIGUSR2, SIG_IGN);
  int got = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { got = co_await next_signal({SIGUSR1, SIGUSR2}); });
    co_await yield_now();
    std::raise(SIGUSR2);
  });
  EXPECT_EQ(got, SIGUSR2);
  EXPECT_TRUE(ignored.is_in_force());
  EXPECT_TRUE(too.is_in_force());
}

CONFORMANCE(Signals, AWatchLosesNoneBetweenTwoCalls) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  const disposition too(SIGUSR2, SIG_IGN);
  signal_watch watch({SIGUSR1, SIGUSR2});
  for (int round = 0; round < 3; ++round) {
    std::raise(SIGUSR2);
    std::raise(SIGUSR1);
    co_await sleep_for(1ms);                    // nobody waits
    EXPECT_EQ(co_await watch.next(), SIGUSR1);  // the lowest first
    EXPECT_EQ(co_await watch.next(), SIGUSR2);
  }
}

CONFORMANCE(Signals, OneThatComesAgainBeforeItIsTakenIsGivenOnce) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  signal_watch watch({SIGUSR1});
  for (int i = 0; i < 5; ++i) std::raise(SIGUSR1);
  EXPECT_EQ(co_await watch.next(), SIGUSR1);
  EXPECT_FALSE(co_await try_for(1ms, watch.next()));
  std::raise(SIGUSR1);
  EXPECT_EQ(co_await watch.next(), SIGUSR1);
}

CONFORMANCE(Signals, EveryWatchGetsWhatItNamed) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  const disposition too(SIGUSR2, SIG_IGN);
  signal_watch one({SIGUSR1});
  signal_watch both({SIGUSR1, SIGUSR2});
  std::raise(SIGUSR1);
  EXPECT_EQ(co_await one.next(), SIGUSR1);
  EXPECT_EQ(co_await both.next(), SIGUSR1);
  std::raise(SIGUSR2);
  EXPECT_EQ(co_await both.next(), SIGUSR2);
  EXPECT_FALSE(co_await try_for(1ms, one.next()));
}

CONFORMANCE(Signals, WaitersOfOneWatchAreServedInTurn) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  signal_watch watch({SIGUSR1});
  std::string order;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (char c = 'a'; c <= 'c'; ++c)
      g.spawn([&, c]() -> task<> {
        co_await watch.next();
        order += c;
      });
    for (std::size_t i = 1; i <= 3; ++i) {
      co_await yield_now();
      std::raise(SIGUSR1);
      while (order.size() < i) co_await yield_now();
    }
  });
  EXPECT_EQ(order, "abc");
}

CONFORMANCE(Signals, ACancelledNextLeavesTheSignalToTheNextOne) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  signal_watch watch({SIGUSR1});
  EXPECT_FALSE(co_await try_for(1ms, watch.next()));
  std::raise(SIGUSR1);
  EXPECT_EQ(co_await watch.next(), SIGUSR1);
}

CONFORMANCE_RUNS(Signals, NextSignalIsCancelledAtEveryWait) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  int got = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got = 0;
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            got = co_await next_signal({SIGUSR1});
            co_await yield_now();
          });
          co_await yield_now();
          std::raise(SIGUSR1);
        });
      },
      [&] {
        EXPECT_TRUE(got == 0 || got == SIGUSR1);
        EXPECT_TRUE(ignored.is_in_force());
      });
  EXPECT_EQ(n.at_rest, 4U);
}

CONFORMANCE_RUNS(Signals, AWatchIsCancelledAtEveryWaitAndLosesNone) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  int raised = 0;
  int got = 0;
  const auto scenario = [&]() -> task<> {
    raised = got = 0;
    signal_watch watch({SIGUSR1});
    co_await finally(with_task_group([&](task_group& g) -> task<> {
                       g.spawn([&]() -> task<> {
                         for (int i = 0; i < 2; ++i) {
                           co_await watch.next();
                           ++got;
                         }
                       });
                       for (int i = 1; i <= 2; ++i) {
                         co_await yield_now();
                         ++raised;
                         std::raise(SIGUSR1);
                         while (got < i) co_await yield_now();
                       }
                     }),
                     [&]() -> task<> {
                       if (got < raised) {  // nobody took it: it is still there
                         co_await watch.next();
                         ++got;
                       }
                     });
  };
  const auto n = cancel_at_every_wait(reactor, scenario, [&] { EXPECT_EQ(got, raised); });
  EXPECT_GE(n.at_rest, 4U);
  EXPECT_TRUE(ignored.is_in_force());
}

}  // namespace
