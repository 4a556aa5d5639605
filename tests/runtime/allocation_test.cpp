// Memory: what costs none, and what happens when there is none.

#include "support/allocations.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <new>
#include <thread>

#ifndef RONDO_TEST_SANITIZED

namespace rondo::detail {
void take_each_frame_from_heap() noexcept;  // frame_pool.cpp
}

namespace {

using namespace rondo;
using namespace std::chrono_literals;

task<> ready() { co_return; }

// --- what costs none, once everything it needs has been allocated --------------------------------

template <class Work>
void allocates_nothing(Work work) {
  for (const auto kind : {reactor_kind::simulated, reactor_kind::epoll, reactor_kind::io_uring}) {
    if (!rondo_test::missing(kind).empty()) continue;
    SCOPED_TRACE(rondo_test::name_of(kind));
    rondo_test::run_on(kind, [&]() -> task<> {
      co_await work();
      const auto before = rondo_test::allocations();
      const auto frames = detail::frames_from_heap();
      co_await work();
      EXPECT_EQ(rondo_test::allocations(), before);
      EXPECT_EQ(detail::frames_from_heap(), frames);
    });
  }
}

TEST(Allocation, NoneForAwaitingATask) {
  allocates_nothing([]() -> task<> {
    for (int i = 0; i < 100; ++i) co_await ready();
  });
}

TEST(Allocation, NoneForASleepAndAYield) {
  allocates_nothing([]() -> task<> {
    for (int i = 0; i < 100; ++i) {
      co_await sleep_for(1ns);
      co_await yield_now();
    }
  });
}

TEST(Allocation, NoneForATimeout) {
  allocates_nothing([]() -> task<> {
    for (int i = 0; i < 100; ++i) {
      co_await timeout(1h, yield_now());
      (void)co_await try_for(1ns, sleep_for(1us));
    }
  });
}

TEST(Allocation, NoneForAQueueHopAndAnEvent) {
  queue<int> q(4);
  event e;
  allocates_nothing([&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 0; i < 100; ++i) co_await q.put(i);
        e.set();
      });
      for (int i = 0; i < 100; ++i) (void)co_await q.get();
      co_await e.wait();
      e.clear();
    });
  });
}

TEST(Allocation, NoneForSpawningAndJoining) {
  allocates_nothing([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      for (int i = 0; i < 100; ++i) co_await g.spawn(ready());
    });
  });
}

TEST(Allocation, NoneForACancellation) {
  allocates_nothing([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn(sleep_for(1h));
      co_await yield_now();
      h.cancel();
      (void)co_await h.join();
    });
  });
}

// --- every request refused once ------------------------------------------------------------------

// Runs `scenario` with its first request for memory refused, then with its second, and so on until
// it needs no more; each time on a thread of its own, which inherits no frames. It must end with a
// value or bad_alloc, and leave nothing behind. Returns how many were refused.
template <class Scenario>
int refuse_each(reactor_kind kind, Scenario scenario) {
  int refused = 0;
  for (bool pending = false; !pending; ++refused) {
    std::thread([&] {
      // A second failure goes there: bad_alloc in one task, then the scenario's own error in
      // another.
      const auto options =
          run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {});
      detail::take_each_frame_from_heap();
      rondo_test::refuse_allocation(static_cast<std::uint64_t>(refused));
      try {
        run(scenario(), options);
      } catch (const std::bad_alloc&) {
      }
      pending = rondo_test::refusal_is_pending();
      EXPECT_EQ(detail::frames_alive(), 0) << "request " << refused;
    }).join();
    if (testing::Test::HasFailure()) break;
  }
  return refused - 1;
}

// Of those, how many are for the scenario: without what a run of nothing asks for. A frame that the
// scenario has given back serves again, so they are the frames that it has at a time, at least.
template <class Scenario>
int refuse_each_of(reactor_kind kind, Scenario scenario) {
  return refuse_each(kind, scenario) - refuse_each(kind, []() -> task<> { co_return; });
}

TEST(NoMemory, EachRequestOfTasksAndScopesMayBeRefused) {
  const int refused = refuse_each_of(reactor_kind::epoll, []() -> task<> {
    co_await sleep_for(1us);
    co_await timeout(1h, ready());
    (void)co_await try_for(1us, sleep_for(1h));
    bool cleaned = false;
    try {
      co_await finally(timeout(1us, sleep_for(1h)), [&]() -> task<> {
        cleaned = true;
        co_return;
      });
    } catch (const timed_out&) {
      EXPECT_TRUE(cleaned);
    }
    cancel_scope s;
    s.set_deadline(this_loop().now() + 1us);
    (void)co_await s.run(shield(sleep_for(1us)));
  });
  // finally alone has five frames at a time: its own, two of the body, two of the cleanup.
  EXPECT_GE(refused, 5);
}

TEST(NoMemory, EachRequestOfGroupsAndQueuesMayBeRefused) {
  const int refused = refuse_each_of(reactor_kind::epoll, []() -> task<> {
    queue<int> q(100);
    int got = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn([&]() -> task<int> {
        while (const auto i = co_await q.next()) ++got;
        co_return got;
      });
      for (int i = 0; i < 50; ++i) co_await q.put(i);
      for (int i = 0; i < 50; ++i) q.try_put(i);
      q.close();
      EXPECT_EQ(co_await h, 100);
    });
  });
  EXPECT_GE(refused, 6);  // five frames at a time, the child's record
}

TEST(NoMemory, EachRequestOfErrorsAndCancellationsMayBeRefused) {
  const int refused = refuse_each_of(reactor_kind::epoll, []() -> task<> {
    try {
      co_await with_task_group([](task_group& g) -> task<> {
        auto cancelled = g.spawn(sleep_for(1h));
        cancelled.cancel();
        g.spawn(sleep_for(1h));
        (void)co_await cancelled.join();
        throw std::runtime_error("the scenario's own");
      });
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::runtime_error&) {
    }
  });
  EXPECT_GE(refused, 8);  // five frames at a time, two records, what the error says
}

TEST(NoMemory, EachRequestOfPostsAndThreadsMayBeRefused) {
  const int refused = refuse_each_of(reactor_kind::epoll, []() -> task<> {
    bool posted = false;
    this_loop().post([&] { posted = true; });
    co_await yield_now();
    co_await sleep_for(1us);
    EXPECT_TRUE(posted);
    EXPECT_EQ(co_await to_thread([] { return 1; }), 1);
  });
  EXPECT_GE(refused, 2);  // what is posted, the call; and the thread, when none is idle
}

}  // namespace

#endif
