// A child of fork() has one thread: that which called it. What other threads held or were about to
// do there is not done any more, and must not hold it up.

#include "support/joined_thread.hpp"
#include "support/run_on.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#define RONDO_TEST_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RONDO_TEST_THREAD_SANITIZED 1
#endif
#endif

namespace fork_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;

// Runs fn in a child and gives its exit status: 0 when fn gave true; -1 when it hung.
int in_child(const std::function<bool()>& fn) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);  // a child that hangs ends as a failure
    bool good = false;
    try {
      good = fn();
    } catch (...) {
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool runs_in_a_thread(reactor_kind kind) {
  return run(
      [](std::thread::id here) -> task<bool> {
        co_return co_await to_thread([here] { return std::this_thread::get_id() != here; });
      }(std::this_thread::get_id()),
      run_options().reactor(kind));
}

class Fork : public testing::TestWithParam<reactor_kind> {
 protected:
  void SetUp() override {
#ifdef RONDO_TEST_THREAD_SANITIZED
    GTEST_SKIP() << "the thread sanitizer starts no threads in a child";
#endif
    if (const std::string why = rondo_test::missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_P(Fork, AChildCallsInThreadsOfItsOwn) {
  EXPECT_TRUE(runs_in_a_thread(GetParam()));
  EXPECT_EQ(in_child([&] { return runs_in_a_thread(GetParam()) && runs_in_a_thread(GetParam()); }),
            0);
  EXPECT_TRUE(runs_in_a_thread(GetParam()));
}

TEST_P(Fork, AGrandchildToo) {
  EXPECT_TRUE(runs_in_a_thread(GetParam()));
  EXPECT_EQ(in_child([&] {
              return runs_in_a_thread(GetParam()) &&
                     in_child([&] { return runs_in_a_thread(GetParam()); }) == 0;
            }),
            0);
}

TEST_P(Fork, AChildReadsFilesAndLooksUpNames) {
  const auto both = [&] {
    return run(
        []() -> task<bool> {
          const std::string text = co_await net::read_file("/proc/self/status");
          const auto found = co_await net::resolve("127.0.0.1", 80);
          co_return !text.empty() && !found.empty();
        }(),
        run_options().reactor(GetParam()));
  };
  EXPECT_TRUE(both());
  EXPECT_EQ(in_child(both), 0);
}

TEST_P(Fork, AtAMomentWhenAnotherThreadUsesThePool) {
  std::atomic<bool> stop{false};
  std::latch started(2);
  std::vector<joined_thread> busy;
  for (int i = 0; i < 2; ++i)
    busy.emplace_back([&] {
      run(
          [&]() -> task<> {
            started.count_down();
            while (!stop) co_await to_thread([] {});
          }(),
          run_options().reactor(GetParam()));
    });
  started.wait();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(in_child([&] { return runs_in_a_thread(GetParam()); }), 0);
  stop = true;
}

// What stands in line belongs to the parent: the child does not do it as well.
TEST_P(Fork, WhatStoodInLineIsNotDoneTwice) {
  std::latch inside(1);
  std::latch go_on(1);
  std::atomic<int> done{0};
  joined_thread other([&] {
    run(
        [&]() -> task<> {
          co_await to_thread([&] {
            inside.count_down();
            go_on.wait();
            ++done;
          });
        }(),
        run_options().reactor(GetParam()));
  });
  inside.wait();
  EXPECT_EQ(in_child([&] { return runs_in_a_thread(GetParam()) && done == 0; }), 0);
  go_on.count_down();
  other.join();
  EXPECT_EQ(done, 1);
}

INSTANTIATE_TEST_SUITE_P(Reactors, Fork,
                         testing::Values(reactor_kind::epoll, reactor_kind::io_uring),
                         [](const auto& r) { return rondo_test::name_of(r.param); });

// A thread that ends takes the lock of what threads leave each other.
TEST(ForkOfFrames, AtAMomentWhenFramesGoFromThreadToThread) {
#ifdef RONDO_TEST_THREAD_SANITIZED
  GTEST_SKIP() << "the thread sanitizer starts no threads in a child";
#endif
  std::atomic<bool> stop{false};
  joined_thread busy([&] {
    while (!stop) std::thread([] { detail::release_frame(detail::allocate_frame(64), 64); }).join();
  });
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(in_child([] {
                std::thread([] { detail::release_frame(detail::allocate_frame(64), 64); }).join();
                return true;
              }),
              0);
  stop = true;
}

}  // namespace
}  // namespace fork_test
