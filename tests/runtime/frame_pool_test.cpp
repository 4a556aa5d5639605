// The memory of frames: what is kept, what goes to others, and that it does not grow.

#include "support/allocations.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;

TEST(FramePool, CountsWhatIsAlive) {
  const auto before = detail::frames_alive();
  void* small = detail::allocate_frame(1);
  void* large = detail::allocate_frame(1 << 20);
  EXPECT_EQ(detail::frames_alive(), before + 2);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small) % detail::frame_alignment, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large) % detail::frame_alignment, 0U);
  detail::release_frame(small, 1);
  detail::release_frame(large, 1 << 20);
  EXPECT_EQ(detail::frames_alive(), before);
}

TEST(FramePool, ABlockMayBeReleasedByAnotherThread) {
  void* block = detail::allocate_frame(100);
  std::thread([&] { detail::release_frame(block, 100); }).join();
  // This thread's count keeps it; the other's went below zero and away.
  detail::release_frame(detail::allocate_frame(1), 1);
  std::thread([&] { block = detail::allocate_frame(100); }).join();
  detail::release_frame(block, 100);
}

#ifndef RONDO_TEST_SANITIZED

task<> ready() { co_return; }
task<> yields() { co_await yield_now(); }

// Frames of many sizes, on a loop of its own. How often the pool went to the general allocator for it.
std::uint64_t chunks_of_a_loop(std::latch* all_there = nullptr) {
  run(
      [](std::latch* there) -> task<> {
        for (int n = 0; n < 100; ++n) co_await ready();
        co_await timeout(1h, with_task_group([](task_group& g) -> task<> {
                           for (int n = 0; n < 20; ++n) g.spawn(yield_now());
                           co_await gather(ready(), ready());
                         }));
        if (there) there->arrive_and_wait();
      }(all_there),
      run_options().reactor(reactor_kind::simulated));
  return detail::frames_from_heap();
}

TEST(FramePool, AThousandLoopsOneAfterAnotherUseTheSameMemory) {
  std::uint64_t chunks = 0;
  for (int i = 0; i < 1000; ++i) std::thread([&] { chunks += chunks_of_a_loop(); }).join();
  EXPECT_LE(chunks, 1U);  // none, when a test before has left one
}

TEST(FramePool, LoopsAtTheSameTimeLeaveTheirMemoryToTheNextOnes) {
  constexpr int together = 8;
  std::uint64_t first = 0;
  for (int round = 0; round < 10; ++round) {
    std::latch there(together);
    std::atomic<std::uint64_t> chunks{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < together; ++i)
        threads.emplace_back([&] { chunks += chunks_of_a_loop(&there); });
    }
    if (round == 0) first = chunks;
    if (round > 0) EXPECT_EQ(chunks, 0U) << "round " << round;
  }
  EXPECT_LE(first, static_cast<std::uint64_t>(together));
}

// --- a hundred thousand tasks, again and again ------------------------------------------------------

constexpr std::size_t many = 100'000;

// The first round may take memory; those after it take none from the pool, and no more than `allowed`
// allocations besides.
template <class Round>
void does_not_grow(std::uint64_t allowed, Round round) {
  rondo_test::simulate([&]() -> task<> {
    co_await round();
    co_await round();
    for (int i = 0; i < 2; ++i) {
      const auto alive = detail::frames_alive();
      const auto chunks = detail::frames_from_heap();
      const auto before = rondo_test::allocations();
      co_await round();
      EXPECT_EQ(detail::frames_alive(), alive);
      EXPECT_EQ(detail::frames_from_heap(), chunks);
      EXPECT_LE(rondo_test::allocations() - before, allowed);
    }
  });
}

template <class Make>
auto make_tasks(Make make) {
  std::vector<decltype(make())> tasks;
  tasks.reserve(many);
  for (std::size_t i = 0; i < many; ++i) tasks.push_back(make());
  return tasks;
}

TEST(Growth, GatheringAHundredThousandTasks) {
  // The vector of tasks and gather's array.
  does_not_grow(2, []() -> task<> {
    co_await gather(make_tasks([]() -> task<> { co_await sleep_for(300ms); }));
  });
}

TEST(Growth, GatheringTheOutcomesOfAHundredThousandTasks) {
  // The same, and the vector of outcomes.
  does_not_grow(3, []() -> task<> {
    const auto all = co_await gather(return_exceptions, make_tasks([]() -> task<int> {
                                       co_await yield_now();
                                       co_return 1;
                                     }));
    EXPECT_EQ(all.size(), many);
  });
}

TEST(Growth, CancellingAHundredThousandTasks) {
  does_not_grow(2, []() -> task<> {
    EXPECT_FALSE(co_await try_for(1s, gather(make_tasks([]() -> task<> {
                                    co_await finally(sleep_for(1h), [] { return yield_now(); });
                                  }))));
  });
}

TEST(Growth, CancellingAGroupOfAHundredThousandTasks) {
  does_not_grow(0, []() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      for (std::size_t i = 0; i < many; ++i) g.spawn(sleep_for(1h));
      co_await sleep_for(1s);
      EXPECT_EQ(g.size(), many);
      g.cancel();
    });
  });
}

TEST(Growth, TimingOutAHundredThousandTasks) {
  does_not_grow(0, []() -> task<> {
    std::size_t timed_out = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::size_t i = 0; i < many; ++i)
        g.spawn([&]() -> task<> {
          if (!co_await try_for(1s, sleep_for(1h))) ++timed_out;
        });
      co_return;
    });
    EXPECT_EQ(timed_out, many);
  });
}

TEST(Growth, AHundredThousandTasksWaitingInLine) {
  does_not_grow(1, []() -> task<> {  // the queue's ring
    mutex m;
    queue<int> q(1);
    std::size_t got = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::size_t i = 0; i < many / 2; ++i) {
        g.spawn([&]() -> task<> {
          const auto lock = co_await m.lock();
          co_await q.put(1);
        });
        g.spawn([&]() -> task<> {
          (void)co_await q.get();
          ++got;
        });
      }
      co_return;
    });
    EXPECT_EQ(got, many / 2);
  });
}

TEST(Allocation, GatheringTenThousandTasksMakesOneArray) {
  rondo_test::simulate([]() -> task<> {
    const auto round = [](std::uint64_t allowed) -> task<> {
      std::vector<task<>> tasks;
      tasks.reserve(10'000);
      for (int i = 0; i < 10'000; ++i) tasks.push_back(yields());
      const auto before = rondo_test::allocations();
      co_await gather(std::move(tasks));
      EXPECT_LE(rondo_test::allocations() - before, allowed);
    };
    co_await round(std::uint64_t(-1));
    const auto chunks = detail::frames_from_heap();
    co_await round(1);
    EXPECT_EQ(detail::frames_from_heap(), chunks);
  });
}

#endif

}  // namespace
