// Calls at a later time.

#include "support/conformance.hpp"

#include <rondo/runtime.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::run_on;

// The simulation's clock is the loop's.
auto clock_of(reactor_kind reactor) {
  return reactor == reactor_kind::simulated ? this_loop().now() : std::chrono::steady_clock::now();
}

CONFORMANCE(CallLater, RunsOnTheLoopWhenTheTimeHasPassed) {
  event called;
  const auto before = clock_of(reactor);
  this_loop().call_later(2ms, [&] { called.set(); });
  EXPECT_FALSE(called.is_set());
  co_await called.wait();
  EXPECT_GE(clock_of(reactor) - before, 2ms);
}

CONFORMANCE(CallLater, ALongStepBeforeDoesNotMakeItEarly) {
  co_await yield_now();
  const auto until = std::chrono::steady_clock::now() + 3ms;
  while (std::chrono::steady_clock::now() < until) {
  }
  event called;
  const auto before = clock_of(reactor);
  this_loop().call_later(2ms, [&] { called.set(); });
  co_await called.wait();
  EXPECT_GE(clock_of(reactor) - before, 2ms);
}

CONFORMANCE(CallLater, InOrderOfTimeAndThenOfCreation) {
  std::string order;
  event last;
  this_loop().call_later(2ms, [&] { order += 'c'; });
  this_loop().call_later(1ms, [&] { order += 'a'; });
  this_loop().call_later(1ms, [&] { order += 'b'; });
  this_loop().call_later(2ms, [&] {
    order += 'd';
    last.set();
  });
  co_await last.wait();
  EXPECT_EQ(order, "abcd");
}

CONFORMANCE(CallLater, WithoutTimeToWaitItComesInThisTurnButNotFromWithin) {
  std::string order;
  this_loop().call_later(0s, [&] { order += 'a'; });
  this_loop().call_later(-1h, [&] { order += 'b'; });
  EXPECT_EQ(order, "");
  co_await sleep_for(1ms);
  EXPECT_EQ(order, "ab");
}

CONFORMANCE(CallLater, MoreThanTheClockCountsIsNever) {
  const auto held = std::make_shared<int>(0);
  timer_handle h = this_loop().call_later(std::chrono::hours::max(), [held] { ADD_FAILURE(); });
  co_await sleep_for(1ms);
  EXPECT_TRUE(h.pending());
}

CONFORMANCE(CallLater, CancelledItNeverComesAndItsFunctionIsGone) {
  const auto held = std::make_shared<int>(0);
  timer_handle h = this_loop().call_later(1ms, [held] { ADD_FAILURE() << "it was cancelled"; });
  EXPECT_TRUE(h.pending());
  EXPECT_EQ(held.use_count(), 2);
  h.cancel();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(h.pending());
  h.cancel();
  timer_handle later = this_loop().call_later(1ms, [held] { ADD_FAILURE() << "it was cancelled"; });
  co_await yield_now();
  later.cancel();
  EXPECT_EQ(held.use_count(), 1);
  co_await sleep_for(3ms);
}

CONFORMANCE(CallLater, AnotherOneOfTheSameMomentMayCancelIt) {
  timer_handle second;
  event done;
  this_loop().call_later(1ms, [&] { second.cancel(); });
  second = this_loop().call_later(1ms, [] { ADD_FAILURE() << "it was cancelled"; });
  this_loop().call_later(1ms, [&] { done.set(); });
  co_await done.wait();
  EXPECT_FALSE(second.pending());
}

CONFORMANCE(CallLater, MayCancelItselfAndArmTheNext) {
  struct ticker {
    void tick() {
      handle.cancel();  // it comes right now: nothing to cancel
      if (++ticks == 3)
        done.set();
      else
        handle = this_loop().call_later(100us, [this] { tick(); });
    }
    int ticks = 0;
    timer_handle handle;
    event done;
  } t;
  t.tick();
  co_await t.done.wait();
  EXPECT_EQ(t.ticks, 3);
  EXPECT_FALSE(t.handle.pending());
}

CONFORMANCE(CallLater, KeepsWhatCanOnlyBeMovedAndLetsItGoAfterwards) {
  auto item = std::make_unique<std::shared_ptr<int>>(std::make_shared<int>(4));
  const std::weak_ptr<int> seen = *item;
  event done;
  timer_handle h = this_loop().call_later(1ms, [item = std::move(item), &done] {
    EXPECT_EQ(**item, 4);
    done.set();
  });
  co_await done.wait();
  EXPECT_TRUE(seen.expired());
}

CONFORMANCE_RUNS(CallLater, WhatItThrowsGoesToOnUnhandled) {
  int reported = 0;
  run_as(options_for(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::out_of_range&) {
      ++reported;
    }
  }),
         []() -> task<> {
           this_loop().call_later(100us, [] { throw std::out_of_range("later"); });
           co_await sleep_for(2ms);
         });
  EXPECT_EQ(reported, 1);
}

CONFORMANCE_RUNS(CallLater, WhatIsStillToComeWhenTheRunEndsIsDestroyedUnrun) {
  const auto held = std::make_shared<int>(0);
  timer_handle outlives;
  run_on(reactor, [&]() -> task<> {
    for (int i = 0; i < 10; ++i) this_loop().call_later(1h, [held] { ADD_FAILURE(); });
    this_loop().call_later(0s, [held] { ADD_FAILURE() << "the run had ended"; });
    outlives = this_loop().call_later(2h, [held] { ADD_FAILURE(); });
    EXPECT_EQ(held.use_count(), 13);
    co_return;
  });
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(outlives.pending());
  outlives.cancel();
}

}  // namespace
