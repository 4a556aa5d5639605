// What crosses threads: posts, submitted tasks, channels between loops, a loop on each of several
// threads, and the limit of to_thread.

#include "support/conformance.hpp"
#include "support/joined_thread.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/submit.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
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

// A loop on a thread of its own, until end() or the end of the object.
class loop_thread {
 public:
  explicit loop_thread(reactor_kind kind)
      : thread_([this, kind] {
          run_on(kind, [this]() -> task<> {
            started_.set_value(this_loop().remote());
            co_await end_.wait();
          });
        }),
        home_(started_.get_future().get()) {}
  loop_thread(const loop_thread&) = delete;
  loop_thread& operator=(const loop_thread&) = delete;
  ~loop_thread() { end(); }

  const loop_remote& home() const { return home_; }
  void ask_to_end() {
    home_.post([this] { end_.set(); });
  }
  void end() {
    if (!thread_.joinable()) return;
    ask_to_end();
    thread_.join();
  }

 private:
  std::promise<loop_remote> started_;
  event end_;
  std::thread thread_;
  loop_remote home_;
};

// --- posts ---------------------------------------------------------------------------------------

ON_KERNEL_REACTORS(Remote, PostsOfManyThreadsAllRunInTheOrderOfEach) {
  constexpr std::size_t threads = 4;
  constexpr int each = 5000;
  std::array<std::vector<int>, threads> got;
  loop_thread loop(reactor);
  {
    std::vector<joined_thread> posters;
    for (std::vector<int>& mine : got)
      posters.emplace_back([&mine, home = loop.home()] {
        for (int i = 0; i < each; ++i) home.post([&mine, i] { mine.push_back(i); });
      });
  }
  loop.end();
  for (const std::vector<int>& mine : got) {
    EXPECT_EQ(mine.size(), static_cast<std::size_t>(each));
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
  }
}

ON_KERNEL_REACTORS(Remote, PostsToALoopThatIsAwakeWriteNothing) {
  run_on(reactor, []() -> task<> {
    co_await sleep_for(1ms);
    const loop_stats before = this_loop().stats();
    int ran = 0;
    event all;
    joined_thread([&, home = this_loop().remote()] {
      for (int i = 0; i < 1000; ++i)
        home.post([&] {
          if (++ran == 1000) all.set();
        });
    }).join();
    EXPECT_EQ(this_loop().stats().wakes, before.wakes);  // in one long step
    co_await all.wait();
    EXPECT_EQ(this_loop().stats().wakes, before.wakes);
  });
}

ON_KERNEL_REACTORS(Remote, ALoopThatSleepsIsWokenOnce) {
  run_on(reactor, []() -> task<> {
    int ran = 0;
    event all;
    std::latch posted(1);
    const loop_stats before = this_loop().stats();
    joined_thread poster([&, home = this_loop().remote()] {
      home.post([&] { posted.wait(); });  // the loop is awake, and stays so
      for (int i = 0; i < 1000; ++i)
        home.post([&] {
          if (++ran == 1000) all.set();
        });
      posted.count_down();
    });
    co_await all.wait();
    EXPECT_LE(this_loop().stats().wakes - before.wakes, 1U);
    poster.join();
  });
}

ON_KERNEL_REACTORS(Remote, AtTheEndEachPostHasRunOrIsDestroyedOrIsRefused) {
  struct counts {
    std::atomic<int> ran{0};
    std::atomic<int> gone{0};
  };
  // Counts itself when it goes; moved-from ones count nothing.
  class token {
   public:
    explicit token(counts& c) : counts_(&c) {}
    token(token&& other) noexcept : counts_(std::exchange(other.counts_, nullptr)) {}
    token& operator=(token&&) = delete;
    ~token() {
      if (counts_) ++counts_->gone;
    }
    void operator()() { ++counts_->ran; }

   private:
    counts* counts_;
  };
  for (int round = 0; round < 50; ++round) {
    counts all;
    std::atomic<int> made{0};
    std::atomic<int> accepted{0};
    {
      loop_thread loop(reactor);
      std::vector<joined_thread> posters;
      std::latch begun(3);
      for (int t = 0; t < 3; ++t)
        posters.emplace_back([&, home = loop.home()] {
          begun.count_down();
          try {
            for (;;) {
              ++made;
              home.post(token(all));
              ++accepted;
              while (made - all.gone > 100) std::this_thread::yield();  // no faster than the loop
            }
          } catch (const loop_ended&) {
          }
        });
      begun.wait();
      loop.end();
    }
    EXPECT_EQ(made - accepted, 3);  // each was refused once
    EXPECT_EQ(all.gone, made);
    EXPECT_LE(all.ran, accepted);
  }
}

// --- submit --------------------------------------------------------------------------------------

ON_KERNEL_REACTORS(Submit, FromManyThreadsEachGetsItsOwnResult) {
  loop_thread loop(reactor);
  std::vector<joined_thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([t, home = loop.home()] {
      for (int i = 0; i < 500; ++i) {
        std::future<int> f = home.submit(
            [](int n) -> task<int> {
              if (n % 3 == 0) co_await yield_now();
              if (n % 100 == 99) throw std::out_of_range("one of a hundred");
              co_return n;
            },
            t * 1000 + i);
        if (i % 100 == 99)
          EXPECT_THROW(f.get(), std::out_of_range);
        else
          EXPECT_EQ(f.get(), t * 1000 + i);
      }
    });
}

ON_KERNEL_REACTORS(Submit, TakesATaskThatWasMadeOnAnotherThread) {
  loop_thread loop(reactor);
  joined_thread([&] {
    const auto body = [](std::string text) -> task<std::string> {
      co_await sleep_for(1ms);
      co_return text + "!";
    };
    EXPECT_EQ(loop.home().submit(body("made elsewhere")).get(), "made elsewhere!");
  }).join();
}

ON_KERNEL_REACTORS(Submit, EveryFutureBecomesReadyWhenTheLoopEnds) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> values{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> ended{0};
    std::atomic<int> accepted{0};
    {
      loop_thread loop(reactor);
      std::vector<joined_thread> callers;
      std::latch begun(3);
      for (int t = 0; t < 3; ++t)
        callers.emplace_back([&, home = loop.home()] {
          begun.count_down();
          const auto settle = [&](std::future<void> f) {
            try {
              f.get();
              ++values;
            } catch (const cancelled_error&) {
              ++cancelled;
            }
          };
          std::vector<std::future<void>> sleeping;
          try {
            for (;;) {
              if (sleeping.size() < 20) {
                sleeping.push_back(home.submit(sleep_for(1h)));
                ++accepted;
              }
              std::future<void> f = home.submit(yield_now());
              ++accepted;
              settle(std::move(f));
            }
          } catch (const loop_ended&) {
            ++ended;
          }
          for (std::future<void>& f : sleeping) settle(std::move(f));
        });
      begun.wait();
      loop.end();
    }
    EXPECT_EQ(values + cancelled, accepted);
    EXPECT_EQ(ended, 3);
  }
}

// --- thread_channel ------------------------------------------------------------------------------

ON_KERNEL_REACTORS(ThreadChannel, CarriesItemsBetweenLoops) {
  constexpr std::size_t producers = 2;
  constexpr std::size_t consumers = 2;
  constexpr int each = 3000;
  struct item {
    std::size_t from;
    int number;
  };
  thread_channel<item> c(8);
  std::atomic<std::size_t> producing{producers};
  std::array<std::array<std::vector<int>, producers>, consumers> got;
  run_on_threads(
      producers + consumers,
      [&](std::size_t i) -> task<> {
        if (i < producers) {
          for (int n = 0; n < each; ++n) co_await c.put({i, n});
          if (--producing == 0) c.close();
        } else {
          while (auto next = co_await c.next())
            got[i - producers][next->from].push_back(next->number);
        }
      },
      options_for(reactor));
  for (std::size_t p = 0; p < producers; ++p) {
    std::vector<int> all;
    for (const auto& consumer : got) {
      EXPECT_TRUE(std::is_sorted(consumer[p].begin(), consumer[p].end()));
      all.insert(all.end(), consumer[p].begin(), consumer[p].end());
    }
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all.size(), static_cast<std::size_t>(each));
    EXPECT_TRUE(std::adjacent_find(all.begin(), all.end()) == all.end());
  }
}

ON_KERNEL_REACTORS(ThreadChannel, TakesItemsFromAThreadWithoutALoop) {
  thread_channel<int> c(unbounded);
  run_on(reactor, [&]() -> task<> {
    joined_thread producer([&] {
      for (int i = 0; i < 1000; ++i) EXPECT_TRUE(c.try_put(i));
      c.close();
    });
    int wanted = 0;
    while (auto n = co_await c.next()) EXPECT_EQ(*n, wanted++);
    EXPECT_EQ(wanted, 1000);
  });
}

// Puts and gets that are cancelled at moments of chance, with the other side on another thread:
// what was put is what was got and what is left.
ON_KERNEL_REACTORS(ThreadChannel, CancelledAcrossThreadsItLosesAndDoublesNothing) {
  const int rounds = rondo_test::long_run() ? 5000 : 500;
  thread_channel<int> c(2);
  std::atomic<int> put{0};
  std::atomic<int> got{0};
  std::latch begun(3);
  run_on_threads(
      3,
      [&](std::size_t i) -> task<> {
        begun.arrive_and_wait();
        for (int round = 0; round < rounds; ++round) {
          co_await with_task_group([&](task_group& g) -> task<> {
            auto h = g.spawn([&, i]() -> task<> {
              for (int n = 0; n < 8; ++n) {
                if (i == 0) {
                  co_await c.put(n);
                  ++put;
                } else {
                  (void)co_await c.get();
                  ++got;
                }
              }
            });
            co_await sleep_for(round % 7 * 5us);
            h.cancel();
          });
        }
      },
      options_for(reactor));
  EXPECT_EQ(static_cast<std::size_t>(put - got), c.size());
  EXPECT_GT(got, 0);
}

ON_KERNEL_REACTORS(ThreadChannel, ClosedFromAnotherThreadItEndsEveryWait) {
  for (int round = 0; round < 100; ++round) {
    thread_channel<int> gets(1);
    thread_channel<int> puts(1);
    EXPECT_TRUE(puts.try_put(0));
    std::latch waiting(2);
    joined_thread closer([&] {
      waiting.wait();
      gets.close();
      puts.close();
    });
    run_on_threads(
        2,
        [&](std::size_t) -> task<> {
          co_await with_task_group([&](task_group& g) -> task<> {
            for (int i = 0; i < 3; ++i) {
              g.spawn([&]() -> task<> { EXPECT_EQ(co_await gets.next(), std::nullopt); });
              g.spawn(
                  [&]() -> task<> { EXPECT_TRUE((co_await as_result(puts.put(1))).has_error()); });
            }
            co_await yield_now();
            waiting.count_down();
          });
        },
        options_for(reactor));
  }
}

// --- run_on_threads ------------------------------------------------------------------------------

ON_KERNEL_REACTORS(RunOnThreads, RunsEachIndexOnceOnALoopAndAThreadOfItsOwn) {
  std::mutex m;
  std::set<std::thread::id> threads;
  std::set<const loop*> loops;
  std::vector<std::size_t> indices;
  std::thread::id first;
  std::latch all(4);  // together, so that nothing is used twice
  run_on_threads(
      4,
      [&](std::size_t i) -> task<> {
        co_await sleep_for(1ms);
        EXPECT_EQ(this_loop().reactor_name(), rondo_test::name_of(reactor));
        {
          const std::scoped_lock lock(m);
          threads.insert(std::this_thread::get_id());
          loops.insert(&this_loop());
          indices.push_back(i);
          if (i == 0) first = std::this_thread::get_id();
        }
        all.arrive_and_wait();
      },
      options_for(reactor));
  EXPECT_EQ(threads.size(), 4U);
  EXPECT_EQ(loops.size(), 4U);
  std::sort(indices.begin(), indices.end());
  EXPECT_EQ(indices, (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(first, std::this_thread::get_id());
}

ON_KERNEL_REACTORS(RunOnThreads, KeepsACopyOfTheCallableForEach) {
  const auto held = std::make_shared<int>(0);
  std::atomic<int> sum{0};
  run_on_threads(
      3,
      [held, &sum](std::size_t i) -> task<> {
        co_await sleep_for(1ms);
        sum += static_cast<int>(i) + *held;
      },
      options_for(reactor));
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(held.use_count(), 1);
}

ON_KERNEL_REACTORS(RunOnThreads, WhenOneFailsTheOthersAreCancelledAndAwaited) {
  for (std::size_t failing = 0; failing < 3; ++failing)
    for (const auto when : {0us, 500us}) {
      std::atomic<int> cleaned{0};
      EXPECT_THROW(run_on_threads(
                       3,
                       [&](std::size_t i) -> task<> {
                         if (i == failing) {
                           if (when > 0us) co_await sleep_for(when);
                           throw std::out_of_range("one of three");
                         }
                         co_await finally(sleep_for(1h), [&]() -> task<> {
                           co_await sleep_for(1ms);
                           ++cleaned;
                         });
                       },
                       options_for(reactor)),
                   std::out_of_range);
      if (when > 0us) EXPECT_LE(cleaned, 2);  // those that had not begun never do
    }
}

ON_KERNEL_REACTORS(RunOnThreads, ALaterFailureGoesToOnUnhandled) {
  std::atomic<int> reported{0};
  std::latch all(3);
  EXPECT_THROW(
      run_on_threads(
          3,
          [&](std::size_t) -> task<> {
            all.arrive_and_wait();
            throw std::out_of_range("each of three");
            co_return;
          },
          options_for(reactor).on_unhandled([&](const std::exception_ptr&) { ++reported; })),
      std::out_of_range);
  EXPECT_EQ(reported, 2);
}

TEST(RunOnThreads, RefusesWhatItCannotDo) {
  const auto nothing = [](std::size_t) -> task<> { co_return; };
  EXPECT_THROW(run_on_threads(0, nothing), std::invalid_argument);
  EXPECT_THROW(run_on_threads(2, nothing, run_options().reactor(reactor_kind::simulated)),
               std::invalid_argument);
  EXPECT_THROW(run_on_threads(2, nothing, run_options().simulation(simulation_options())),
               std::invalid_argument);
  rondo_test::simulate([&]() -> task<> {
    EXPECT_THROW(run_on_threads(2, nothing), std::logic_error);
    co_return;
  });
}

// --- the limit of to_thread ----------------------------------------------------------------------

ON_KERNEL_REACTORS(ToThread, AtMostTheLimitAreInThreadsAndTheOthersWaitInOrder) {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  std::mutex m;
  std::vector<int> order;
  const auto work = [&](int i) {
    most = std::max(most.load(), ++now);
    {
      const std::scoped_lock lock(m);
      order.push_back(i);
    }
    --now;
  };
  run_as(options_for(reactor).max_threads(1), [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 50; ++i) g.spawn(to_thread(work, i));
      co_return;
    });
  });
  EXPECT_EQ(most, 1);
  EXPECT_EQ(order.size(), 50U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

ON_KERNEL_REACTORS(ToThread, ACancelledOneLeavesTheLine) {
  std::latch go_on(1);
  std::atomic<int> ran{0};
  const auto held = std::make_shared<int>(0);
  run_as(options_for(reactor).max_threads(1), [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(to_thread([&] { go_on.wait(); }));
      co_await yield_now();
      auto in_line = g.spawn(to_thread([&](const std::shared_ptr<int>&) { ran += 100; }, held));
      auto behind = g.spawn(to_thread([&] { ++ran; }));
      co_await yield_now();
      in_line.cancel();
      EXPECT_TRUE((co_await in_line.join()).is_cancelled());
      EXPECT_EQ(held.use_count(), 1);
      EXPECT_FALSE(behind.done());
      go_on.count_down();
      co_await behind;
    });
  });
  EXPECT_EQ(ran, 1);
}

ON_KERNEL_REACTORS(ToThread, AnAbandonedCallKeepsItsPlaceUntilItReturns) {
  const auto go_on = std::make_shared<std::latch>(1);
  const auto begun = std::make_shared<std::latch>(1);
  run_as(options_for(reactor).max_threads(1), [=]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(to_thread(abandon_on_cancel, [=] {
        begun->count_down();
        go_on->wait();
      }));
      while (!begun->try_wait()) co_await sleep_for(100us);
      h.cancel();
      EXPECT_TRUE((co_await h.join()).is_cancelled());
      auto next = g.spawn(to_thread([] { return 1; }));
      for (int i = 0; i < 10; ++i) co_await yield_now();
      EXPECT_FALSE(next.done());
      go_on->count_down();
      EXPECT_EQ(co_await next, 1);
    });
  });
}

ON_KERNEL_REACTORS(ToThread, TheRunDoesNotWaitForWhatWasAbandoned) {
  const auto go_on = std::make_shared<std::latch>(1);
  const auto returned = std::make_shared<std::latch>(3);
  std::atomic<int> begun{0};
  run_on(reactor, [&, go_on, returned]() -> task<> {
    const bool in_time =
        co_await try_for(1h, with_task_group([&](task_group& g) -> task<> {
                           for (int i = 0; i < 3; ++i)
                             g.spawn(to_thread(abandon_on_cancel, [&begun, go_on, returned] {
                               ++begun;
                               go_on->wait();
                               returned->count_down();
                             }));
                           while (begun < 3) co_await sleep_for(100us);
                           g.cancel();
                         }));
    EXPECT_TRUE(in_time);
  });
  EXPECT_FALSE(returned->try_wait());  // the loop is gone, and they are still there
  go_on->count_down();
  returned->wait();
}

// What they touch may belong to the task: the end of the run is no reason to abandon them.
ON_KERNEL_REACTORS(ToThread, TheRunWaitsForWhatWasNot) {
  std::latch begun(1);
  std::latch go_on(1);
  bool returned = false;
  joined_thread releaser;
  run_on(reactor, [&]() -> task<> {
    (void)this_loop().submit([&]() -> task<> {
      co_await to_thread([&] {
        begun.count_down();
        go_on.wait();
        returned = true;
      });
    });
    while (!begun.try_wait()) co_await sleep_for(100us);
    releaser = joined_thread([&] { go_on.count_down(); });
  });
  EXPECT_TRUE(returned);
}

TEST(ToThread, NeedsAtLeastOneThread) {
  EXPECT_THROW(run_options().max_threads(0), std::invalid_argument);
}

ON_KERNEL_REACTORS(ToThread, EachLoopHasALimitOfItsOwn) {
  std::latch both(2);  // one call of each loop at the same time
  run_on_threads(
      2, [&](std::size_t) -> task<> { co_await to_thread([&] { both.arrive_and_wait(); }); },
      options_for(reactor).max_threads(1));
}

}  // namespace
