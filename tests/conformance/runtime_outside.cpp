// What comes from outside the loop: posts and threads; and what an idle loop does about it.

#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/runtime.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::run_on;

// --- post ----------------------------------------------------------------------------------------

CONFORMANCE(Post, RunsOnTheLoopInOrder) {
  std::vector<int> order;
  const auto here = std::this_thread::get_id();
  for (int i = 0; i < 100; ++i)
    this_loop().post([&, i] {
      EXPECT_EQ(std::this_thread::get_id(), here);
      order.push_back(i);
    });
  EXPECT_TRUE(order.empty());  // never from within post
  co_await sleep_for(1ms);
  EXPECT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

CONFORMANCE(Post, OnePostedByAPostRunsInALaterTurn) {
  event done;
  bool inner = false;
  this_loop().post([&] {
    this_loop().post([&] {
      inner = true;
      done.set();
    });
    EXPECT_FALSE(inner);
  });
  co_await sleep_for(1ms);
  co_await done.wait();
  EXPECT_TRUE(inner);
}

CONFORMANCE(Post, KeepsWhatCanOnlyBeMoved) {
  auto item = std::make_unique<int>(3);
  int got = 0;
  this_loop().post([&got, item = std::move(item)] { got = *item; });
  co_await sleep_for(1ms);
  EXPECT_EQ(got, 3);
}

CONFORMANCE_RUNS(Post, OneThatTheLoopNoLongerRunsIsDestroyed) {
  const auto item = std::make_shared<int>(0);
  run_on(reactor, [&]() -> task<> {
    this_loop().post([item] { ADD_FAILURE() << "the loop has ended"; });
    co_return;
  });
  EXPECT_EQ(item.use_count(), 1);
}

// From another thread, which in the simulation cannot wake anybody: there a timer does.
CONFORMANCE(Post, FromAnotherThreadWakesASleepingLoop) {
  event done;
  loop& home = this_loop();
  std::thread other([&] { home.post([&] { done.set(); }); });
  if (reactor == reactor_kind::simulated) {
    other.join();
    co_await sleep_for(1ms);
    co_await done.wait();
  } else {
    co_await done.wait();
    other.join();
  }
}

CONFORMANCE(Post, FromManyThreadsKeepsTheOrderOfEach) {
  constexpr int threads = 4;
  constexpr int each = 2000;
  loop& home = this_loop();
  std::vector<std::vector<int>> got(threads);
  int total = 0;
  event all;
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t)
    posters.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        home.post([&, t, i] {
          got[static_cast<std::size_t>(t)].push_back(i);
          if (++total == threads * each) all.set();
        });
    });
  if (reactor == reactor_kind::simulated) {
    for (std::thread& p : posters) p.join();
    co_await sleep_for(1ms);
  }
  co_await all.wait();
  if (reactor != reactor_kind::simulated)
    for (std::thread& p : posters) p.join();
  for (const std::vector<int>& g : got) {
    EXPECT_EQ(g.size(), static_cast<std::size_t>(each));
    EXPECT_TRUE(std::is_sorted(g.begin(), g.end()));
  }
}

// Thousands of times: a post that comes just as the loop goes to sleep must wake it.
CONFORMANCE_RUNS(Post, IsNeverMissedByALoopThatIsGoingToSleep) {
  if (reactor == reactor_kind::simulated) {
    run_on(reactor, []() -> task<> { co_return; });  // its threads run inline
    return;
  }
  run_on(reactor, []() -> task<> {
    loop& home = this_loop();
    std::atomic<int> wanted{0};
    constexpr int rounds = 5000;
    event posted;
    std::thread other([&] {
      for (int i = 1; i <= rounds; ++i) {
        while (wanted.load(std::memory_order_acquire) < i) std::this_thread::yield();
        home.post([&] { posted.set(); });
      }
    });
    for (int i = 1; i <= rounds; ++i) {
      posted.clear();
      wanted.store(i, std::memory_order_release);
      co_await posted.wait();
    }
    other.join();
  });
}

// --- idle ----------------------------------------------------------------------------------------

// On a thread of its own: some time after a ring of io_uring is closed, the kernel interrupts the
// thread that used it (io_ring_exit_work), once, and the rings of earlier tests are not to be
// counted here.
CONFORMANCE_RUNS(Loop, MakesNoTurnsWhileItIsIdle) {
  std::thread([&] {
    run_on(reactor, []() -> task<> {
      co_await sleep_for(1ms);
      const loop_stats before = this_loop().stats();
      co_await sleep_for(30ms);
      const loop_stats after = this_loop().stats();
      EXPECT_LE(after.turns - before.turns, 4U);
      EXPECT_LE(after.steps - before.steps, 1U);
      EXPECT_LE(after.system_calls - before.system_calls, 4U);
    });
  }).join();
}

CONFORMANCE(Loop, SaysWhichReactorItRunsOn) {
  EXPECT_EQ(this_loop().reactor_name(), rondo_test::name_of(reactor));
  co_return;
}

// --- to_thread -----------------------------------------------------------------------------------

CONFORMANCE(ToThread, GivesTheValue) {
  EXPECT_EQ(
      co_await to_thread([](int a, const std::string& b) { return b + std::to_string(a); }, 1, "x"),
      "x1");
  int ran = 0;
  co_await to_thread([&] { ++ran; });
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(*co_await to_thread([] { return std::make_unique<int>(4); }), 4);
}

CONFORMANCE(ToThread, ThrowsWhatTheFunctionThrows) {
  EXPECT_THROW(co_await to_thread([]() -> int { throw std::out_of_range("x"); }),
               std::out_of_range);
  EXPECT_TRUE(
      (co_await as_result(to_thread([]() -> int { throw std::out_of_range("x"); }))).has_error());
}

CONFORMANCE(ToThread, KeepsItsArguments) {
  const auto kept = std::make_shared<int>(5);
  EXPECT_EQ(co_await to_thread([](const std::shared_ptr<int>& p) { return *p; }, kept), 5);
  EXPECT_EQ(kept.use_count(), 1);
}

CONFORMANCE(ToThread, UnderAPendingCancellationDoesNotStart) {
  cancel_scope s;
  std::atomic<bool> ran{false};
  const auto body = [&]() -> task<> {
    s.cancel();
    co_await to_thread([&] { ran = true; });
    ADD_FAILURE();
  };
  EXPECT_TRUE((co_await s.run(body())).is_cancelled());
  EXPECT_FALSE(ran);
}

CONFORMANCE(ToThread, OneThatIsNeverAwaitedNeverRuns) {
  const auto kept = std::make_shared<int>(5);
  {
    [[maybe_unused]] auto unused =
        to_thread([](const std::shared_ptr<int>&) { ADD_FAILURE(); }, kept);
  }
  EXPECT_EQ(kept.use_count(), 1);
  co_return;
}

CONFORMANCE_RUNS(ToThread, IsCancelledAtEveryWait) {
  std::atomic<int> ran{0};
  int completed = 0;
  const auto held = std::make_shared<int>(0);
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        ran = completed = 0;
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 2; ++i)
            g.spawn([&]() -> task<> {
              co_await to_thread([&](const std::shared_ptr<int>&) { ++ran; }, held);
              ++completed;
              co_await yield_now();
            });
          co_return;
        });
      },
      [&] {
        EXPECT_EQ(ran,
                  completed);  // each that ran gave its result; each that did not was taken back
        EXPECT_EQ(held.use_count(), 1);
      });
  EXPECT_EQ(n.at_rest, reactor == reactor_kind::simulated ? 3U : 5U);
}

}  // namespace
