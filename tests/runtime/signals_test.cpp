// Signals from outside the loop, and run() and SIGINT. What a task raises itself:
// tests/conformance.

#include "support/conformance.hpp"
#include "support/disposition.hpp"
#include "support/joined_thread.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::disposition;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::run_on;
using rondo_test::simulate;

void send(int signal) { ::kill(::getpid(), signal); }

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RONDO_TEST_SIGNALS_ARE_HELD_BACK 1
#endif
#endif

// ThreadSanitizer holds a signal back until the thread enters a call that it knows. Sleeping in
// io_uring is none, and it begins all the same when the signal came just before: there the loop may
// not sleep for long.
void do_not_sleep_long() {
#ifdef RONDO_TEST_SIGNALS_ARE_HELD_BACK
  this_loop().call_later(1ms, [] { do_not_sleep_long(); });
#endif
}

// --- watches -------------------------------------------------------------------------------------

TEST(Signals, RefusesWhatCannotBeWatched) {
  simulate([]() -> task<> {
    for (const int s : {0, -1, 65, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 32}) {
      EXPECT_THROW(signal_watch({s}), std::invalid_argument) << s;
      EXPECT_THROW((void)next_signal({SIGUSR1, s}), std::invalid_argument) << s;
    }
    EXPECT_THROW((void)next_signal({}), std::invalid_argument);
    for (const int s : {SIGHUP, SIGRTMIN, SIGRTMAX}) EXPECT_NO_THROW(signal_watch({s}));
    co_return;
  });
}

int handled = 0;
void count_one(int) { ++handled; }

TEST(Signals, TheDispositionBeforeIsRestoredWhenTheLastWatchGoes) {
  const disposition mine(SIGUSR1, &count_one);
  handled = 0;
  simulate([&]() -> task<> {
    std::optional<signal_watch> a(std::initializer_list<int>{SIGUSR1});
    std::optional<signal_watch> b(std::initializer_list<int>{SIGUSR1, SIGUSR2});
    EXPECT_FALSE(mine.is_in_force());
    a.reset();
    EXPECT_FALSE(mine.is_in_force());
    std::raise(SIGUSR1);
    EXPECT_EQ(handled, 0);
    b.reset();
    EXPECT_TRUE(mine.is_in_force());
    EXPECT_EQ(disposition::of(SIGUSR2), SIG_DFL);
    std::raise(SIGUSR1);
    EXPECT_EQ(handled, 1);
    co_return;
  });
}

TEST(Signals, ADispositionThatSomebodyElseChangedIsLeftAlone) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  simulate([]() -> task<> {
    std::optional<signal_watch> w(std::initializer_list<int>{SIGUSR1});
    std::signal(SIGUSR1, &count_one);
    w.reset();
    EXPECT_EQ(disposition::of(SIGUSR1), &count_one);
    co_return;
  });
}

TEST(Signals, TheSimulationDoesNotWaitForOne) {
  EXPECT_THROW(run(next_signal({SIGUSR1}), run_options().reactor(reactor_kind::simulated)),
               std::logic_error);
}

TEST(SignalsDeathTest, AWatchThatOutlivesItsLoopEndsTheProgram) {
  const auto outlive = [] {
    std::optional<signal_watch> w;
    run(
        [&]() -> task<> {
          w.emplace(std::initializer_list<int>{SIGUSR1});
          co_return;
        }(),
        run_options().reactor(reactor_kind::epoll));
    std::raise(SIGUSR1);  // reaches nobody, and does no harm
    w.reset();
  };
  EXPECT_DEATH(outlive(), "signal_watch outlived its loop");
}

ON_KERNEL_REACTORS(Signals, WakesALoopThatSleeps) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  run_on(reactor, []() -> task<> {
    do_not_sleep_long();
    signal_watch watch({SIGUSR1});
    joined_thread sender([] { send(SIGUSR1); });
    EXPECT_EQ(co_await watch.next(), SIGUSR1);
  });
}

// Thousands of times: one that comes just as the loop goes to sleep must wake it, and one that
// comes while another is being delivered must be delivered too.
ON_KERNEL_REACTORS(Signals, NoneIsMissedByALoopThatIsGoingToSleep) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  const disposition too(SIGUSR2, SIG_IGN);
  const int rounds = rondo_test::long_run() ? 50'000 : 3000;
  // The next is sent when the last has been taken.
  const auto exchange = [rounds](int signal) -> task<> {
    signal_watch watch({signal});
    std::atomic<int> wanted{0};
    joined_thread sender([&] {
      for (int i = 1; i <= rounds; ++i) {
        while (wanted.load(std::memory_order_acquire) < i) std::this_thread::yield();
        send(signal);
      }
    });
    for (int i = 1; i <= rounds; ++i) {
      wanted.store(i, std::memory_order_release);
      EXPECT_EQ(co_await watch.next(), signal);
    }
  };
  run_on(reactor, [&]() -> task<> {
    do_not_sleep_long();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(exchange, SIGUSR1);
      g.spawn(exchange, SIGUSR2);
      co_return;
    });
  });
}

ON_KERNEL_REACTORS(Signals, EveryLoopThatWatchesGetsIt) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  std::latch watching(3);
  std::atomic<int> got{0};
  joined_thread sender([&] {
    watching.wait();
    send(SIGUSR1);
  });
  run_on_threads(
      3,
      [&](std::size_t) -> task<> {
        do_not_sleep_long();
        signal_watch watch({SIGUSR1});
        watching.count_down();
        if (co_await watch.next() == SIGUSR1) ++got;
      },
      options_for(reactor));
  EXPECT_EQ(got, 3);
  EXPECT_TRUE(ignored.is_in_force());
}

// The handler on one thread, the watches coming and going on others.
ON_KERNEL_REACTORS(Signals, WatchesComeAndGoWhileSignalsArrive) {
  const disposition ignored(SIGUSR1, SIG_IGN);
  const disposition too(SIGUSR2, SIG_IGN);
  std::atomic<bool> enough{false};
  joined_thread sender([&] {
    while (!enough) {
      send(SIGUSR1);
      send(SIGUSR2);
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 20; ++round)
    run_on_threads(
        2,
        [&](std::size_t) -> task<> {
          do_not_sleep_long();
          for (int i = 0; i < 30; ++i) {
            signal_watch watch({SIGUSR1, SIGUSR2});
            if (i % 3 == 0) {
              const int s = co_await watch.next();
              EXPECT_TRUE(s == SIGUSR1 || s == SIGUSR2) << s;
            }
            if (i % 3 == 1) co_await yield_now();
          }
        },
        options_for(reactor));
  enough = true;
  sender.join();
  EXPECT_TRUE(ignored.is_in_force());
  EXPECT_TRUE(too.is_in_force());
}

// --- SIGINT and run() ----------------------------------------------------------------------------

ON_KERNEL_REACTORS(Interrupt, StopsALoopThatSleeps) {
  const disposition before(SIGINT, SIG_DFL);
  bool cleaned = false;
  EXPECT_THROW(run_on(reactor,
                      [&]() -> task<> {
                        do_not_sleep_long();
                        joined_thread sender([] { send(SIGINT); });
                        co_await finally(sleep_for(1h), [&]() -> task<> {
                          co_await sleep_for(1ms);
                          cleaned = true;
                        });
                      }),
               interrupted);
  EXPECT_TRUE(cleaned);
  EXPECT_TRUE(before.is_in_force());
}

TEST(Interrupt, WorksInTheSimulationToo) {
  const disposition before(SIGINT, SIG_DFL);
  EXPECT_THROW(simulate([]() -> task<> {
                 std::raise(SIGINT);
                 for (;;) co_await yield_now();
               }),
               interrupted);
  EXPECT_TRUE(before.is_in_force());
}

TEST(Interrupt, IsTakenOnceAndTheDispositionIsTheDefaultThen) {
  const disposition before(SIGINT, SIG_DFL);
  simulate([&]() -> task<> {
    EXPECT_FALSE(before.is_in_force());
    co_return;
  });
  EXPECT_THROW(simulate([&]() -> task<> {
                 std::raise(SIGINT);
                 EXPECT_TRUE(before.is_in_force());  // a second one would end the process
                 co_await sleep_for(1h);
               }),
               interrupted);
}

TEST(InterruptDeathTest, ASecondOneEndsTheProcess) {
  const auto twice = [] {
    std::signal(SIGINT, SIG_DFL);
    run(
        []() -> task<> {
          std::raise(SIGINT);
          co_await shield([]() -> task<> {
            co_await sleep_for(1ms);
            std::raise(SIGINT);
          });
        }(),
        run_options().reactor(reactor_kind::epoll));
  };
  EXPECT_EXIT(twice(), testing::KilledBySignal(SIGINT), "");
}

TEST(Interrupt, AMainTaskThatEndsAllTheSameGivesItsResult) {
  const disposition before(SIGINT, SIG_DFL);
  EXPECT_EQ(simulate([]() -> task<int> {
              std::raise(SIGINT);
              co_await finally([]() -> task<> { co_return; }, [] { return sleep_for(1ms); });
              co_return 3;
            }),
            3);
  EXPECT_THROW(simulate([]() -> task<> {
                 std::raise(SIGINT);
                 co_await shield([]() -> task<> {
                   co_await sleep_for(1ms);
                   throw std::out_of_range("an error of its own");
                 });
               }),
               std::out_of_range);
}

TEST(Interrupt, OfAnEarlierRunIsForgotten) {
  const disposition before(SIGINT, SIG_DFL);
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(simulate([]() -> task<> {
                   std::raise(SIGINT);
                   co_await sleep_for(1h);
                 }),
                 interrupted);
  // One that comes in the last step of a run has nothing left to cancel there, nor in the next run.
  simulate([]() -> task<> {
    std::raise(SIGINT);
    co_return;
  });
  simulate([]() -> task<> { co_await sleep_for(1h); });
}

TEST(Interrupt, IsLeftAloneWhereTheOptionsSaySo) {
  const disposition before(SIGINT, SIG_DFL);
  run_as(options_for(reactor_kind::simulated).handle_sigint(false), [&]() -> task<> {
    EXPECT_TRUE(before.is_in_force());
    co_return;
  });
}

TEST(Interrupt, IsLeftAloneWhereItsDispositionIsNotTheDefault) {
  for (const auto handler : {static_cast<disposition::handler>(SIG_IGN),
                             static_cast<disposition::handler>(&count_one)}) {
    const disposition before(SIGINT, handler);
    simulate([&]() -> task<> {
      EXPECT_TRUE(before.is_in_force());
      std::raise(SIGINT);
      co_await sleep_for(1ms);
    });
    EXPECT_TRUE(before.is_in_force());
  }
}

TEST(Interrupt, IsLeftAloneOnOtherThreads) {
  const disposition before(SIGINT, SIG_DFL);
  joined_thread([&] {
    simulate([&]() -> task<> {
      EXPECT_TRUE(before.is_in_force());
      co_return;
    });
  }).join();
}

TEST(Interrupt, AWatchOfItIsStrongerThanTheRun) {
  const disposition before(SIGINT, SIG_DFL);
  simulate([&]() -> task<> {
    {
      signal_watch watch({SIGINT});
      for (int i = 0; i < 3; ++i) {
        std::raise(SIGINT);
        EXPECT_EQ(co_await watch.next(), SIGINT);
      }
    }
    EXPECT_FALSE(before.is_in_force());  // the run's again
  });
  EXPECT_THROW(simulate([]() -> task<> {
                 {
                   const signal_watch gone({SIGINT});
                 }
                 std::raise(SIGINT);
                 co_await sleep_for(1h);
               }),
               interrupted);
  EXPECT_THROW(simulate([&]() -> task<> {
                 std::raise(SIGINT);
                 {
                   const signal_watch after({SIGINT});
                 }
                 EXPECT_TRUE(before.is_in_force());  // the first has been used
                 co_await sleep_for(1h);
               }),
               interrupted);
  EXPECT_TRUE(before.is_in_force());
}

ON_KERNEL_REACTORS(Interrupt, StopsATeamOfThreads) {
  const disposition before(SIGINT, SIG_DFL);
  std::latch begun(3);
  std::atomic<int> unwound{0};
  joined_thread sender([&] {
    begun.wait();
    send(SIGINT);
  });
  EXPECT_THROW(run_on_threads(
                   3,
                   [&](std::size_t) -> task<> {
                     do_not_sleep_long();
                     begun.count_down();
                     co_await finally(sleep_for(1h), [&]() -> task<> {
                       ++unwound;
                       co_return;
                     });
                   },
                   options_for(reactor)),
               interrupted);
  EXPECT_EQ(unwound, 3);
  EXPECT_TRUE(before.is_in_force());
}

// --- SIGUSR1 and the tree of tasks ---------------------------------------------------------------

task<> worker() {
  set_task_name("worker");
  co_await sleep_for(1h);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// As `kill -USR1` finds it: a program that waits, and knows nothing of this.
TEST(DumpDeathTest, Sigusr1PrintsTheTreeOfAProcessWhichGoesOn) {
  const auto program = [] {
    std::signal(SIGUSR1, SIG_DFL);
    run([]() -> task<> {
      co_await with_task_group([](task_group& g) -> task<> {
        g.spawn(worker());
        co_await yield_now();
        for (int i = 0; i < 2; ++i) {
          send(SIGUSR1);
          co_await sleep_for(1ms);
        }
        g.cancel();
      });
    }());
    std::_Exit(7);
  };
  EXPECT_EXIT(
      program(), testing::ExitedWithCode(7),
      "the tasks of thread [0-9]+, on [a-z_]+:\nmain: waiting for a task group, [0-9.]+ s, "
      "in .*\n +body: .*\n +child \"worker\" .* waiting for a time, [0-9.]+ s, in .*worker");
}

TEST(DumpDeathTest, WithTheOptionOffSigusr1EndsTheProcess) {
  const auto program = [] {
    std::signal(SIGUSR1, SIG_DFL);
    run(
        []() -> task<> {
          send(SIGUSR1);
          co_await sleep_for(1h);
        }(),
        run_options().reactor(reactor_kind::epoll).dump_on_sigusr1(false));
  };
  EXPECT_EXIT(program(), testing::KilledBySignal(SIGUSR1), "");
}

ON_KERNEL_REACTORS(Dump, WakesALoopThatSleeps) {
  const disposition before(SIGUSR1, SIG_DFL);
  testing::internal::CaptureStderr();
  run_on(reactor, [&]() -> task<> {
    do_not_sleep_long();
    EXPECT_FALSE(before.is_in_force());
    event printed;
    // The handler runs on the thread that raises it, and has posted when raise returns.
    joined_thread sender([&, home = this_loop().remote()] {
      std::raise(SIGUSR1);
      home.post([&] { printed.set(); });
    });
    co_await printed.wait();
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count(said, "main: waiting for an event"), 1U) << said;
  EXPECT_TRUE(before.is_in_force());
}

ON_KERNEL_REACTORS(Dump, EveryLoopPrintsItsOwnTree) {
  const disposition before(SIGUSR1, SIG_DFL);
  std::latch waiting(3);
  std::latch raised(1);
  joined_thread sender([&] {
    waiting.wait();
    std::raise(SIGUSR1);
    raised.count_down();
  });
  testing::internal::CaptureStderr();
  run_on_threads(
      3,
      [&](std::size_t i) -> task<> {
        set_task_name("loop " + std::to_string(i));
        waiting.count_down();
        co_await to_thread([&] { raised.wait(); });
        co_await yield_now();
      },
      options_for(reactor));
  const std::string said = testing::internal::GetCapturedStderr();
  for (const char* name : {"loop 0", "loop 1", "loop 2"}) EXPECT_EQ(count(said, name), 1U) << said;
  EXPECT_TRUE(before.is_in_force());
}

TEST(Dump, WorksInTheSimulationToo) {
  const disposition before(SIGUSR1, SIG_DFL);
  testing::internal::CaptureStderr();
  simulate([]() -> task<> {
    std::raise(SIGUSR1);
    co_await sleep_for(1s);
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("on simulated:\nmain: waiting for a time"), std::string::npos) << said;
}

TEST(Dump, LeavesSigusr1AloneWhereItsDispositionIsNotTheDefault) {
  const disposition before(SIGUSR1, &count_one);
  handled = 0;
  simulate([&]() -> task<> {
    EXPECT_TRUE(before.is_in_force());
    std::raise(SIGUSR1);
    co_await sleep_for(1s);
  });
  EXPECT_EQ(handled, 1);
}

TEST(Dump, AWatchOfSigusr1IsStronger) {
  const disposition before(SIGUSR1, SIG_DFL);
  testing::internal::CaptureStderr();
  simulate([&]() -> task<> {
    {
      signal_watch watch({SIGUSR1});
      std::raise(SIGUSR1);
      EXPECT_EQ(co_await watch.next(), SIGUSR1);
    }
    EXPECT_FALSE(before.is_in_force());  // the run's again
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(before.is_in_force());
}

}  // namespace
