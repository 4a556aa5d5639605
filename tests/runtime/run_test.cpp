#include "support/conformance.hpp"
#include "support/environment_variable.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/reactor/current_simulation.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::environment_variable;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

task<std::string> reactor_name() { co_return std::string(this_loop().reactor_name()); }

TEST(Run, ReturnsTheValueAndThrowsTheError) {
  EXPECT_EQ(run([]() -> task<int> { co_return 3; }()), 3);
  EXPECT_THROW(run([]() -> task<> {
                 co_await yield_now();
                 throw std::out_of_range("x");
               }()),
               std::out_of_range);
}

TEST(Run, TakesACallableWithArguments) {
  const std::string text = "text";
  EXPECT_EQ(run(
                [text](int n) -> task<std::string> {
                  co_await yield_now();
                  co_return text + std::to_string(n);
                },
                1),
            "text1");
  EXPECT_EQ(
      run(
          run_options().reactor(reactor_kind::epoll), [](int n) -> task<int> { co_return n; }, 4),
      4);
}

TEST(Run, TakesWhateverCanBeAwaited) {
  const auto simulated = run_options().reactor(reactor_kind::simulated);
  const auto three = []() -> task<int> { co_return 3; };
  EXPECT_EQ(run(timeout(1s, three), simulated), 3);
  EXPECT_EQ(run(try_for(1s, three), simulated), 3);
  EXPECT_EQ(run(shield(three()), simulated), 3);
  run(sleep_for(1h), simulated);
  EXPECT_THROW(run(timeout(1s, sleep_for(1h)), simulated), timed_out);
}

TEST(Run, TakesTheOptionsFirstOrLast) {
  const auto simulated = run_options().reactor(reactor_kind::simulated);
  EXPECT_EQ(run(reactor_name(), simulated), "simulated");
  EXPECT_EQ(run(simulated, reactor_name()), "simulated");
  EXPECT_EQ(run(reactor_name, simulated), "simulated");
  EXPECT_EQ(run(simulated, reactor_name), "simulated");
  EXPECT_EQ(run(simulated, timeout(1s, reactor_name)), "simulated");
}

TEST(RunMain, GivesTheExitCodeOfATaskThatEnds) {
  EXPECT_EQ(run_main([]() -> task<> { co_return; }), 0);
  EXPECT_EQ(run_main([](int n) -> task<int> { co_return n; }, 7), 7);
  EXPECT_EQ(run_main(sleep_for(1h), run_options().reactor(reactor_kind::simulated)), 0);
}

TEST(RunMain, SaysInASentenceWhatTheTaskThrew) {
  const auto main_of = [](auto thrown) {
    std::exit(run_main([=]() -> task<int> {
      co_await yield_now();
      throw thrown;
    }));
  };
  EXPECT_EXIT(main_of(std::runtime_error("no such file")), testing::ExitedWithCode(1),
              "^test_runtime: no such file\n");
  EXPECT_EXIT(main_of(3), testing::ExitedWithCode(1), "^test_runtime: .*no std::exception");
  EXPECT_EXIT(main_of(cancelled_error()), testing::ExitedWithCode(1), "was cancelled");
}

TEST(RunMain, GivesTheExitCodeOfAnInterruptedProgram) {
  const auto interrupted_main = [] {
    std::signal(SIGINT, SIG_DFL);
    std::exit(run_main([]() -> task<> {
      std::raise(SIGINT);
      co_await sleep_for(1h);
    }));
  };
  EXPECT_EXIT(interrupted_main(), testing::ExitedWithCode(130),
              "^test_runtime: interrupted by SIGINT\n");
}

TEST(Run, GivesAReference) {
  int n = 0;
  EXPECT_EQ(&run([&]() -> task<int&> { co_return n; }()), &n);
}

TEST(Run, OptionsReturnThemselves) {
  run_options o;
  static_assert(std::is_same_v<decltype(o.reactor(reactor_kind::epoll)), run_options&>);
  EXPECT_EQ(&o.reactor(reactor_kind::epoll), &o);
  EXPECT_EQ(&o.seed(3), &o);
  EXPECT_EQ(&o.on_unhandled([](const std::exception_ptr&) {}), &o);
}

TEST(Run, AgainOnTheSameThreadWithAnotherReactor) {
  for (int round = 0; round < 2; ++round)
    for (const auto kind : {reactor_kind::epoll, reactor_kind::io_uring, reactor_kind::simulated}) {
      if (!rondo_test::missing(kind).empty()) continue;
      EXPECT_EQ(run(reactor_name(), run_options().reactor(kind)), rondo_test::name_of(kind));
    }
}

TEST(Run, InsideARunningLoopIsRefusedAndHarmless) {
  for (const auto kind : {reactor_kind::epoll, reactor_kind::simulated}) {
    rondo_test::run_on(kind, [kind]() -> task<> {
      const auto* world = detail::current_simulation();
      for (const auto inner : {reactor_kind::epoll, reactor_kind::simulated})
        EXPECT_THROW(run([]() -> task<> { co_return; }(), run_options().reactor(inner)),
                     std::logic_error);
      EXPECT_EQ(detail::current_simulation(), world);
      EXPECT_EQ(this_loop().reactor_name(), rondo_test::name_of(kind));
      co_await sleep_for(1ms);
    });
  }
}

TEST(Run, ALoopEachThread) {
  std::atomic<int> sum{0};
  const auto body = [&](int n) -> task<> {
    co_await sleep_for(1ms);
    sum += n;
  };
  {
    std::thread a([&] { run(body(1), run_options().reactor(reactor_kind::epoll)); });
    std::thread b([&] { run(body(2), run_options().reactor(reactor_kind::simulated)); });
    run(body(4), run_options().reactor(reactor_kind::epoll));
    a.join();
    b.join();
  }
  EXPECT_EQ(sum, 7);
}

TEST(Run, TheEnvironmentReplacesAutomatic) {
  {
    const environment_variable e("RONDO_REACTOR", "epoll");
    EXPECT_EQ(run(reactor_name()), "epoll");
    if (rondo_test::missing(reactor_kind::io_uring).empty()) {
      EXPECT_EQ(run(reactor_name(), run_options().reactor(reactor_kind::io_uring)), "io_uring");
    }
    EXPECT_EQ(run(reactor_name(), run_options().reactor(reactor_kind::simulated)), "simulated");
  }
  if (rondo_test::missing(reactor_kind::io_uring).empty()) {
    const environment_variable e("RONDO_REACTOR", "io_uring");
    EXPECT_EQ(run(reactor_name()), "io_uring");
    EXPECT_EQ(run(reactor_name(), run_options().reactor(reactor_kind::epoll)), "epoll");
  }
}

TEST(Run, AnotherValueInTheEnvironmentIsAnError) {
  for (const char* value : {"kqueue", "simulated", "EPOLL", "epoll "}) {
    const environment_variable e("RONDO_REACTOR", value);
    try {
      run(reactor_name());
      ADD_FAILURE() << value;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(value), std::string::npos);
    }
    EXPECT_EQ(run(reactor_name(), run_options().reactor(reactor_kind::epoll)), "epoll");
  }
}

TEST(Run, AutomaticTakesARealReactor) {
  const environment_variable e("RONDO_REACTOR", nullptr);
  const std::string name = run(reactor_name());
  EXPECT_EQ(name, rondo_test::missing(reactor_kind::io_uring).empty() ? "io_uring" : "epoll");
}

TEST(Run, ThrowsCancelledErrorWhenTheMainTaskWasCancelled) {
  bool cleaned = false;
  EXPECT_THROW(simulate([&]() -> task<> {
                 detail::current_job().cancel();
                 co_await finally(yield_now(), [&]() -> task<> {
                   co_await sleep_for(1s);
                   cleaned = true;
                 });
               }),
               cancelled_error);
  EXPECT_TRUE(cleaned);
}

TEST(Run, AMainTaskThatWasCancelledButEndedHasItsValue) {
  EXPECT_EQ(simulate([]() -> task<int> {
              detail::current_job().cancel();
              co_return 1;
            }),
            1);
}

TEST(Run, DestroysTheMainTaskWhileTheLoopIsStillThere) {
  bool there = false;
  struct asks {
    bool* there;
    explicit asks(bool* t) : there(t) {}
    asks(asks&& other) noexcept : there(std::exchange(other.there, nullptr)) {}
    asks& operator=(asks&&) = delete;
    ~asks() {
      if (there) *there = this_loop().reactor_name() == "simulated";
    }
  };
  run([](asks) -> task<> { co_return; }(asks(&there)),
      run_options().reactor(reactor_kind::simulated));
  EXPECT_TRUE(there);
}

// What serves several tasks and belongs to the loop.
TEST(Run, CancelsAndAwaitsTheLoopsServicesWhenMainHasEnded) {
  std::string log;
  simulate([&]() -> task<> {
    detail::this_core().run_service([](std::string& l) -> task<> {
      l += "started ";
      co_await finally(sleep_for(1h), [&l]() -> task<> {
        co_await sleep_for(1s);
        l += "stopped ";
      });
    }(log));
    co_await yield_now();
    log += "main ";
  });
  EXPECT_EQ(log, "started main stopped ");
}

// One that is begun by another's end, when all have been told to end: it is told too, before the
// loop sleeps for it.
TEST(Run, AServiceBegunAtTheLoopsEndDoesNotDelayIt) {
  struct at_end {
    std::string& log;
    ~at_end() {
      detail::this_core().run_service([](std::string& l) -> task<> {
        l += "begun ";
        const auto begun = this_loop().now();
        co_await finally(sleep_for(15s), [&l, begun]() -> task<> {
          l += this_loop().now() == begun ? "ended at once" : "ended late";
          co_return;
        });
      }(log));
    }
  };
  for (const int others : {0, 100}) {
    std::string log;
    simulate([&]() -> task<> {
      for (int i = 0; i < others; ++i)
        detail::this_core().run_service([]() -> task<> { co_await sleep_for(1h); }());
      detail::this_core().run_service([](std::string& l) -> task<> {
        const at_end guard{l};
        co_await sleep_for(1h);
      }(log));
      co_await yield_now();
    });
    EXPECT_EQ(log, "begun ended at once") << others;
  }
}

TEST(Run, AServicesErrorGoesToOnUnhandled) {
  int reported = 0;
  run_as(options_for(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr&) {
    ++reported;
  }),
         []() -> task<> {
           detail::this_core().run_service([]() -> task<> {
             co_await sleep_for(1s);
             throw std::runtime_error("service");
           }());
           co_await sleep_for(2s);
         });
  EXPECT_EQ(reported, 1);
}

TEST(Unhandled, ExceptionsOutOfAPostReachItOnceWhenTheyHappen) {
  int reported = 0;
  run_as(options_for(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr& e) {
    EXPECT_THROW(std::rethrow_exception(e), std::out_of_range);
    ++reported;
  }),
         [&]() -> task<> {
           this_loop().post([] { throw std::out_of_range("post"); });
           EXPECT_EQ(reported, 0);
           co_await sleep_for(1ms);
           EXPECT_EQ(reported, 1);
         });
  EXPECT_EQ(reported, 1);
}

TEST(Unhandled, WithoutAHandlerItIsPrinted) {
  testing::internal::CaptureStderr();
  run(
      []() -> task<> {
        this_loop().post([] { throw std::runtime_error("the reason"); });
        this_loop().post([] { throw 3; });
        co_await sleep_for(1ms);
      }(),
      run_options().reactor(reactor_kind::simulated));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("the reason"), std::string::npos);
  EXPECT_NE(said.find("not a std::exception"), std::string::npos);
}

TEST(Unhandled, AHandlerThatThrowsEndsNothing) {
  testing::internal::CaptureStderr();
  run(
      []() -> task<> {
        this_loop().post([] { throw std::runtime_error("first"); });
        co_await sleep_for(1ms);
      }(),
      run_options().reactor(reactor_kind::simulated).on_unhandled([](const std::exception_ptr&) {
        throw std::runtime_error("the handler's own");
      }));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("the handler's own"), std::string::npos);
}

}  // namespace
