// Misuse that leaves nothing sane to return to ends the program with a sentence.

#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }

template <class Fn>
struct at_exit {
  explicit at_exit(Fn f) : fn(std::move(f)) {}
  at_exit(const at_exit&) = delete;
  at_exit& operator=(const at_exit&) = delete;
  ~at_exit() noexcept(false) { fn(); }
  Fn fn;
};

// Runs `fn` in a destructor while the task that holds it is being cancelled.
template <class Fn>
void while_unwinding(Fn fn) {
  simulate([&]() -> task<> {
    const auto body = [&]() -> task<> {
      const at_exit guard(fn);
      co_await forever();
    };
    (void)co_await try_for(1s, body());
  });
}

TEST(MisuseDeathTest, AnExceptionThatLeavesADestructorDuringUnwinding) {
  EXPECT_DEATH(while_unwinding([] { throw std::runtime_error("x"); }),
               "rondo: an exception left a destructor while a task was being destroyed");
}

TEST(MisuseDeathTest, ASpawnMadeDuringUnwinding) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   const auto body = [&]() -> task<> {
                     const at_exit guard([&] { g.spawn(forever()); });
                     co_await forever();
                   };
                   (void)co_await try_for(1s, body());
                 });
               }),
               "rondo: a destructor spawned a task while its own task was being cancelled");
}

// A coroutine of another library, which starts at once and awaits in its own way.
struct detached {
  struct promise_type : detail::promise_base {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

TEST(MisuseDeathTest, AnAwaitMadeDuringUnwinding) {
  EXPECT_DEATH(while_unwinding([] { []() -> detached { co_await sleep_for(1s); }(); }),
               "rondo: a destructor awaited something while its task was being cancelled");
  EXPECT_DEATH(while_unwinding([] { []() -> detached { co_await forever(); }(); }),
               "rondo: a destructor awaited something while its task was being cancelled");
}

TEST(MisuseDeathTest, AnAwaitOutsideARunningTask) {
  EXPECT_DEATH([]() -> detached { co_await sleep_for(1s); }(),
               "rondo: co_await outside a running task");
}

TEST(MisuseDeathTest, AnEmptyTask) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 task<> t;
                 co_await std::move(t);
               }),
               "rondo: an empty task was awaited or spawned");
  EXPECT_DEATH(run(task<>(), run_options().reactor(reactor_kind::simulated)),
               "rondo: an empty task was awaited or spawned");
}

TEST(MisuseDeathTest, ThisLoopWhereNoneRuns) {
  EXPECT_DEATH((void)this_loop(), "rondo: this_loop\\(\\) on a thread where no loop runs");
}

TEST(MisuseDeathTest, AJoinHandleThatWasMovedFrom) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   auto a = g.spawn(forever());
                   auto b = std::move(a);
                   a.cancel();
                   co_return;
                 });
               }),
               "rondo: a join_handle was used after it was moved from");
}

TEST(MisuseDeathTest, WhatSomebodyWaitsOnIsDestroyed) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   event e;
                   g.spawn(e.wait());
                   co_await yield_now();
                 });
               }),
               "rondo: an event was destroyed while a task waited for it");
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   queue<int> q(1);
                   g.spawn(q.get());
                   co_await yield_now();
                 });
               }),
               "rondo: a queue was destroyed while a task waited on it");
  EXPECT_DEATH(simulate([]() -> task<> {
                 co_await with_task_group([](task_group& g) -> task<> {
                   std::optional<cancel_scope> s;
                   s.emplace();
                   g.spawn(s->run(forever()));
                   co_await yield_now();
                   s.reset();
                 });
               }),
               "rondo: a cancel_scope was destroyed while a task ran in it");
}

TEST(MisuseDeathTest, AShieldedTaskThatCanNeverEnd) {
  EXPECT_DEATH(simulate([]() -> task<> {
                 event never;
                 co_await shield(never.wait());
               }),
               "rondo: nothing can ever happen again, and a shielded task still waits");
}

}  // namespace
