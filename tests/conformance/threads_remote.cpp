// A loop's address for other threads: posts and submitted tasks, and what becomes of them at its
// end.

#include "support/conformance.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/submit.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::run_on;

template <class T>
bool is_ready(const std::future<T>& f) {
  return f.wait_for(0s) == std::future_status::ready;
}

// On the loop that has to do the work, get() alone would wait for ever.
template <class T>
task<T> value_of(std::future<T> f) {
  while (!is_ready(f)) co_await sleep_for(100us);
  co_return f.get();
}

// --- post ----------------------------------------------------------------------------------------

CONFORMANCE_RUNS(Remote, RefusesAPostOnceTheLoopHasEndedAndDestroysIt) {
  std::optional<loop_remote> home;
  run_on(reactor, [&]() -> task<> {
    home = this_loop().remote();
    co_return;
  });
  const auto held = std::make_shared<int>(0);
  EXPECT_THROW(home->post([held] { ADD_FAILURE(); }), loop_ended);
  EXPECT_THROW((void)home->submit([held]() -> task<> { co_return; }), loop_ended);
  EXPECT_EQ(held.use_count(), 1);
  static_assert(std::is_base_of_v<std::runtime_error, loop_ended>);
}

CONFORMANCE(Remote, PostsInOrderFromItsOwnThreadToo) {
  const loop_remote home = this_loop().remote();
  const loop_remote copy = home;  // NOLINT(performance-unnecessary-copy-initialization)
  std::string order;
  home.post([&] { order += 'a'; });
  copy.post([&] { order += 'b'; });
  this_loop().post([&] { order += 'c'; });
  EXPECT_EQ(order, "");
  co_await sleep_for(1ms);
  EXPECT_EQ(order, "abc");
}

// Between two calls the loop has nothing to do but to wait for the thread.
CONFORMANCE(Remote, WakesTheLoopAsOftenAsItSleeps) {
  int done = 0;
  for (int i = 0; i < 100; ++i) done += co_await to_thread([] { return 1; });
  EXPECT_EQ(done, 100);
}

CONFORMANCE_RUNS(Remote, WhatAPostThrowsGoesToOnUnhandled) {
  int reported = 0;
  run_as(options_for(reactor).on_unhandled([&](const std::exception_ptr&) { ++reported; }),
         []() -> task<> {
           this_loop().remote().post([] { throw std::out_of_range("post"); });
           co_await sleep_for(1ms);
         });
  EXPECT_EQ(reported, 1);
}

// --- submit --------------------------------------------------------------------------------------

CONFORMANCE(Submit, GivesTheValue) {
  const loop_remote home = this_loop().remote();
  EXPECT_EQ(co_await value_of(home.submit([]() -> task<int> { co_return 3; }())), 3);
  EXPECT_EQ(co_await value_of(this_loop().submit([]() -> task<std::string> {
              co_await sleep_for(1ms);
              co_return "slept";
            })),
            "slept");
  EXPECT_EQ(*co_await value_of(home.submit(
                []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); })),
            4);
  co_await value_of(home.submit(yield_now()));
  int n = 0;
  EXPECT_EQ(&co_await value_of(home.submit([&]() -> task<int&> { co_return n; })), &n);
}

CONFORMANCE(Submit, KeepsTheCallableAndItsArguments) {
  const auto held = std::make_shared<int>(5);
  const auto body = [held](const std::shared_ptr<int>& also, int more) -> task<int> {
    co_await sleep_for(1ms);
    co_return *held + *also + more;
  };
  std::future<int> f = this_loop().submit(body, held, 1);
  EXPECT_GE(held.use_count(), 4);
  while (!is_ready(f)) co_await sleep_for(100us);
  EXPECT_EQ(held.use_count(), 2);  // ours: what the task held was gone before the future was ready
  EXPECT_EQ(f.get(), 11);
}

CONFORMANCE(Submit, ThrowsWhatTheTaskThrew) {
  std::future<void> f = this_loop().submit([]() -> task<> {
    co_await yield_now();
    throw std::out_of_range("submitted");
  });
  EXPECT_THROW(co_await value_of(std::move(f)), std::out_of_range);
}

CONFORMANCE_RUNS(Submit, WhatStillRunsWhenMainReturnsIsCancelledAndAwaited) {
  std::future<void> f;
  bool cleaned = false;
  run_on(reactor, [&]() -> task<> {
    f = this_loop().submit([&]() -> task<> {
      co_await finally(sleep_for(1h), [&]() -> task<> {
        co_await sleep_for(1ms);
        cleaned = true;
      });
    });
    co_await sleep_for(1ms);
    EXPECT_FALSE(is_ready(f));
  });
  EXPECT_TRUE(cleaned);
  EXPECT_THROW(f.get(), cancelled_error);
}

CONFORMANCE_RUNS(Submit, OneThatCouldNotStartIsCancelled) {
  std::future<int> f;
  const auto held = std::make_shared<int>(0);
  run_on(reactor, [&]() -> task<> {
    f = this_loop().submit(
        [](const std::shared_ptr<int>&) -> task<int> {
          ADD_FAILURE() << "main had returned";
          co_return 1;
        },
        held);
    co_return;
  });
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_THROW(f.get(), cancelled_error);
}

CONFORMANCE_RUNS(Submit, OneThatEndsWithAValueWhenItIsCancelledGivesIt) {
  std::future<int> f;
  run_on(reactor, [&]() -> task<> {
    f = this_loop().submit([]() -> task<int> {
      co_await finally([]() -> task<> { co_return; }, [] { return sleep_for(2ms); });
      co_return 9;
    });
    co_await sleep_for(1ms);
  });
  EXPECT_EQ(f.get(), 9);
}

CONFORMANCE(Submit, DroppingTheFutureLeavesTheTaskRunning) {
  event ran;
  {
    [[maybe_unused]] auto dropped = this_loop().submit([&]() -> task<> {
      co_await sleep_for(1ms);
      ran.set();
    });
  }
  co_await ran.wait();
}

}  // namespace
