#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/disposition.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/submit.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::run_on;
using rondo_test::simulate;

TEST(ToThread, RunsInlineInTheSimulation) {
  simulate([]() -> task<> {
    const auto here = std::this_thread::get_id();
    EXPECT_EQ(co_await to_thread([] { return std::this_thread::get_id(); }), here);
  });
}

// Takes every thread of the pool, so that what comes next waits in line.
class full_pool {
 public:
  task<> fill(task_group& g) {
    for (std::size_t i = 0; i < detail::max_threads; ++i)
      g.spawn(to_thread([this] {
        taken_.count_down();
        release_.wait();
      }));
    while (!taken_.try_wait()) co_await sleep_for(100us);
  }
  void release() { release_.count_down(); }

 private:
  std::latch taken_{static_cast<std::ptrdiff_t>(detail::max_threads)};
  std::latch release_{1};
};

ON_KERNEL_REACTORS(ToThread, RunsOnAnotherThread) {
  run_on(reactor, []() -> task<> {
    const auto here = std::this_thread::get_id();
    EXPECT_NE(co_await to_thread([] { return std::this_thread::get_id(); }), here);
    EXPECT_EQ(std::this_thread::get_id(), here);
  });
}

ON_KERNEL_REACTORS(ToThread, TwoCallsThatWaitForEachOtherHaveAThreadEach) {
  run_on(reactor, []() -> task<> {
    for (int round = 0; round < 50; ++round) {
      std::latch both(2);
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(to_thread([&] { both.arrive_and_wait(); }));
        g.spawn(to_thread([&] { both.arrive_and_wait(); }));
        co_return;
      });
    }
  });
}

ON_KERNEL_REACTORS(ToThread, CancelledBeforeAThreadHasBegunItNeverRuns) {
  run_on(reactor, []() -> task<> {
    full_pool pool;
    std::atomic<bool> ran{false};
    const auto argument = std::make_shared<int>(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      co_await pool.fill(g);
      auto h = g.spawn(to_thread([&](const std::shared_ptr<int>&) { ran = true; }, argument));
      co_await yield_now();
      EXPECT_EQ(argument.use_count(), 2);
      h.cancel();
      EXPECT_TRUE((co_await h.join()).is_cancelled());
      EXPECT_EQ(argument.use_count(), 1);
      pool.release();
    });
    EXPECT_FALSE(ran);
  });
}

ON_KERNEL_REACTORS(ToThread, OneThatHasBegunIsWaitedForAndKeepsItsResult) {
  run_on(reactor, []() -> task<> {
    std::latch begun(1);
    std::latch go_on(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(to_thread([&] {
        begun.count_down();
        go_on.wait();
        return 5;
      }));
      while (!begun.try_wait()) co_await sleep_for(100us);
      h.cancel();
      for (int i = 0; i < 10; ++i) co_await yield_now();
      EXPECT_FALSE(h.done());
      go_on.count_down();
      EXPECT_EQ((co_await h.join()).value(), 5);
    });
  });
}

ON_KERNEL_REACTORS(ToThread, OneThatMayBeAbandonedStopsAtOnce) {
  const auto go_on = std::make_shared<std::latch>(1);
  const auto finished = std::make_shared<std::latch>(1);
  run_on(reactor, [go_on, finished]() -> task<> {
    const auto begun = std::make_shared<std::latch>(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(to_thread(abandon_on_cancel, [=] {
        begun->count_down();
        go_on->wait();
        finished->count_down();
        return 5;
      }));
      while (!begun->try_wait()) co_await sleep_for(100us);
      h.cancel();
      EXPECT_TRUE((co_await h.join()).is_cancelled());
    });
  });
  go_on->count_down();  // the loop is gone by now
  finished->wait();
}

ON_KERNEL_REACTORS(ToThread, MoreCallsThanThreadsAllRun) {
  run_on(reactor, []() -> task<> {
    std::atomic<int> ran{0};
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 500; ++i) g.spawn(to_thread([&] { ++ran; }));
      co_return;
    });
    EXPECT_EQ(ran, 500);
  });
}

ON_KERNEL_REACTORS(ToThread, CancelledAtRandomMomentsEachCallRunsOnceOrNotAtAll) {
  run_on(reactor, []() -> task<> {
    for (int round = 0; round < 100; ++round) {
      std::atomic<int> ran{0};
      int completed = 0;
      int cancelled = 0;
      co_await with_task_group([&](task_group& g) -> task<> {
        std::vector<join_handle<void>> handles;
        for (int i = 0; i < 20; ++i) handles.push_back(g.spawn(to_thread([&] { ++ran; })));
        co_await yield_now();
        for (std::size_t i = 0; i < handles.size(); i += 2) handles[i].cancel();
        for (auto& h : handles) {
          const outcome<void> o = co_await h.join();
          (o.has_value() ? completed : cancelled)++;
          EXPECT_FALSE(o.has_error());
        }
      });
      EXPECT_EQ(ran, completed);
      EXPECT_EQ(completed + cancelled, 20);
    }
  });
}

// --- a run that cannot end -----------------------------------------------------------------------

// What is written to stderr meanwhile, to be read by a thread that blocks until it comes.
class stderr_pipe {
 public:
  stderr_pipe() : before_(::dup(STDERR_FILENO)) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) std::abort();
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
    from_ = ends[0];
  }
  stderr_pipe(const stderr_pipe&) = delete;
  stderr_pipe& operator=(const stderr_pipe&) = delete;
  ~stderr_pipe() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    ::close(from_);
  }
  std::string read_until(const std::string& part) const {
    std::string text;
    std::array<char, 4096> some{};
    while (text.find(part) == std::string::npos) {
      const ssize_t n = ::read(from_, some.data(), some.size());
      if (n <= 0) break;
      text.append(some.data(), static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  int before_;
  int from_ = -1;
};

ON_KERNEL_REACTORS(ToThread, ACallThatHoldsUpTheEndOfTheRunIsReportedAndWaitedFor) {
  std::string report;
  bool returned = false;
  {
    const stderr_pipe said;
    std::latch begun(1);
    run_as(options_for(reactor).thread_patience(1ms), [&]() -> task<> {
      this_loop().submit([&]() -> task<> {
        set_task_name("stuck");
        co_await to_thread([&] {
          begun.count_down();
          report = said.read_until("waiting for a thread");
          returned = true;
        });
      });
      co_await to_thread([&] { begun.wait(); });
    });
  }
  EXPECT_TRUE(returned);
  EXPECT_NE(report.find("the run cannot end before 1 call(s) in threads"), std::string::npos)
      << report;
  EXPECT_NE(report.find("service \"stuck\": waiting for a thread"), std::string::npos) << report;
}

ON_KERNEL_REACTORS(ToThread, ACallThatHoldsUpAnInterruptedRunIsReportedToo) {
  const rondo_test::disposition before(SIGINT, SIG_DFL);
  std::string report;
  {
    const stderr_pipe said;
    EXPECT_NO_THROW(run_as(options_for(reactor).thread_patience(1ms), [&]() -> task<> {
      co_await to_thread([&] {
        std::raise(SIGINT);
        report = said.read_until("waiting for a thread");
      });
    }));
  }
  EXPECT_NE(report.find("main: waiting for a thread"), std::string::npos) << report;
}

ON_KERNEL_REACTORS(ToThread, AnAbandonedCallIsNotReported) {
  const auto release =
      std::make_shared<std::latch>(1);  // the thread's too: it may outlive this test
  testing::internal::CaptureStderr();
  run_as(options_for(reactor).thread_patience(0s), [&]() -> task<> {
    const auto begun = std::make_shared<std::latch>(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(to_thread(abandon_on_cancel, [begun, release] {
        begun->count_down();
        release->wait();
      }));
      co_await to_thread([&] { begun->wait(); });
      h.cancel();
    });
    // Something that holds up the end, so that there is time to report it.
    this_loop().submit([]() -> task<> { co_await shield(sleep_for(1ms)); });
    co_await yield_now();
    co_await yield_now();
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  release->count_down();
}

}  // namespace
