// The memory of frames: what is kept, what goes to others, and that it does not grow.

#include "support/allocations.hpp"
#include "support/joined_thread.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>
#include <rondo/runtime/submit.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
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

// Frames of many sizes, on a loop of its own. How often the pool went to the general allocator for
// it.
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
      std::vector<joined_thread> threads;
      for (int i = 0; i < together; ++i)
        threads.emplace_back([&] { chunks += chunks_of_a_loop(&there); });
    }
    if (round == 0) first = chunks;
    if (round > 0) EXPECT_EQ(chunks, 0U) << "round " << round;
  }
  EXPECT_LE(first, static_cast<std::uint64_t>(together));
}

// --- a hundred thousand tasks, again and again ---------------------------------------------------

constexpr std::size_t many = 100'000;

// The first round may take memory; those after it take none from the pool, and no more than
// `allowed` allocations besides.
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

// --- frames made on one thread and released on another -------------------------------------------

// More than a thread may keep of others' blocks, as the pool says it.
constexpr std::size_t foreign_blocks = 1024;
constexpr int many_frames = 100'000;

task<int> count_to(int n) { co_return n; }

const run_options on_epoll = run_options().reactor(reactor_kind::epoll);

// On threads of their own: a loop whose tasks are made elsewhere has a count of its own, too.
TEST(FramesBetweenThreads, SubmittedByOneAndRunByAnother) {
  std::thread([] {
    const auto kept = run(on_epoll, []() -> task<std::size_t> {
      co_await to_thread([home = this_loop().remote()] {
        const auto before = detail::frames_from_heap();
        for (int i = 0; i < many_frames; ++i) EXPECT_EQ(home.submit(count_to(i)).get(), i);
        EXPECT_LE(detail::frames_from_heap() - before, 4U);
      });
      co_return detail::frames_kept();
    });
    EXPECT_LT(kept, 4 * foreign_blocks);
  }).join();
}

TEST(FramesBetweenThreads, MadeHereAndReleasedThere) {
  // Alternately in both directions, a thousand blocks on their way at a time, of three classes.
  constexpr int rounds = 100;
  constexpr std::size_t at_a_time = 1000;
  std::vector<void*> on_their_way;
  std::array<std::uint64_t, 2> chunks{};
  std::array<std::size_t, 2> kept{};
  for (const std::size_t size : {64U, 300U, 2000U}) {
    std::barrier step(2);
    const auto run_side = [&](std::size_t side) {
      const auto before = detail::frames_from_heap();
      for (std::size_t r = 0; r < rounds; ++r) {
        const bool makes = (r / 10 + side) % 2 == 0;  // ten times one way, then ten times the other
        if (makes)
          for (std::size_t i = 0; i < at_a_time; ++i)
            on_their_way.push_back(detail::allocate_frame(size));
        step.arrive_and_wait();
        if (!makes) {
          for (void* block : on_their_way) detail::release_frame(block, size);
          on_their_way.clear();
        }
        step.arrive_and_wait();
      }
      chunks.at(side) = detail::frames_from_heap() - before;
      kept.at(side) = detail::frames_kept();
    };
    joined_thread other([&] { run_side(1); });
    run_side(0);
    other.join();
    const std::size_t bytes = (chunks[0] + chunks[1]) * 256 * 1024;
    EXPECT_LE(bytes, 6 * (at_a_time + foreign_blocks) * size + 4 * 256 * 1024) << size;
    EXPECT_LE(kept[1], 2 * (at_a_time + foreign_blocks)) << size;
  }
}

TEST(FramesBetweenThreads, TasksThroughAChannelOfThreads) {
  thread_channel<task<int>> tasks(64);
  std::thread maker([&] {
    run(on_epoll, [&]() -> task<> {
      const auto before = detail::frames_from_heap();
      for (int i = 0; i < many_frames; ++i) co_await tasks.put(count_to(i));
      tasks.close();
      EXPECT_LE(detail::frames_from_heap() - before, 8U);
    });
  });
  std::thread taker([&] {
    const auto sum = run(on_epoll, [&]() -> task<std::int64_t> {
      std::int64_t all = 0;
      while (auto t = co_await tasks.next()) all += co_await std::move(*t);
      co_return all;
    });
    EXPECT_EQ(sum, std::int64_t{many_frames} * (many_frames - 1) / 2);
    EXPECT_LT(detail::frames_kept(), 4 * foreign_blocks);
  });
  maker.join();
  taker.join();
}

// A thread keeps what it has cut itself, and 1,024 blocks more, whatever their sizes.
TEST(FramesBetweenThreads, AThreadKeepsNoMoreThanItCutAndAThousandBlocks) {
  const auto size = [](std::size_t i) { return i % 2 == 0 ? std::size_t{100} : std::size_t{1000}; };
  std::thread([&] {
    std::vector<void*> made;
    for (std::size_t i = 0; i < 20'000; ++i) made.push_back(detail::allocate_frame(size(i)));
    std::thread([&] {
      for (std::size_t i = 0; i < made.size(); ++i) {
        detail::release_frame(made[i], size(i));
        if (i % 512 == 0) EXPECT_LE(detail::frames_kept(), foreign_blocks);
      }
      EXPECT_LE(detail::frames_kept(), foreign_blocks);
      EXPECT_GE(detail::frames_kept(), foreign_blocks / 2);
      EXPECT_EQ(detail::frames_alive(), -20'000);
    }).join();
    // They have gone round, and are here for the next.
    const auto before = detail::frames_from_heap();
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = detail::allocate_frame(size(i));
    EXPECT_LE(detail::frames_from_heap() - before, 1U);
    for (std::size_t i = 0; i < made.size(); ++i) detail::release_frame(made[i], size(i));
    EXPECT_LE(detail::frames_kept(), 20'000 + 2 * foreign_blocks);
  }).join();
}

// Blocks too large for the lists do not take their room.
TEST(FramesBetweenThreads, LargeOnesTakeNoRoom) {
  std::thread([] {
    std::vector<void*> large;
    std::thread([&] {
      for (int i = 0; i < 5000; ++i) large.push_back(detail::allocate_frame(5000));
    }).join();
    for (void* block : large) detail::release_frame(block, 5000);
    EXPECT_EQ(detail::frames_alive(), -5000);
    std::vector<void*> small;
    for (int i = 0; i < 500; ++i) small.push_back(detail::allocate_frame(64));
    for (void* block : small) detail::release_frame(block, 64);
    EXPECT_GE(detail::frames_kept(), 500U);
  }).join();
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
