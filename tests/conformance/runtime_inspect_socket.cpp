// A program seen through its inspect socket: by itself, as a client of its own. What is asked for
// is asked from another thread, while the loops run, wait, or are stuck.
#include "support/conformance.hpp"
#include "support/inspected_run.hpp"

#include <rondo/patterns/gather.hpp>
#include <rondo/runtime.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
std::string at_line(int n) { return "runtime_inspect_socket.cpp:" + std::to_string(n); }

constexpr int get_line = __LINE__ + 1;
task<> get_one(queue<int>& q) { co_await q.get(); }
constexpr int outer_line = __LINE__ + 2;
task<> consume(queue<int>& q) {
  for (;;) co_await get_one(q);
}
constexpr int put_line = __LINE__ + 3;
task<> produce(queue<int>& q, event& never) {
  set_task_name("producer");
  for (int i = 0; i < 3; ++i) co_await q.put(i);
  co_await never.wait();
}

}  // namespace

ON_KERNEL_REACTORS(Inspect, AHangOnAQueueIsShownWithItsChainAndWhoCouldWakeIt) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    queue<int> q(10);
    event never;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(produce(q, never));
      g.spawn(consume(q));
      co_await sleep_for(1ms);  // both have come to rest: nothing is left to be done
      seen = tools::tasks_text(co_await asked_meanwhile(r.path, "tasks"));
      g.cancel();
    });
  });
  EXPECT_TRUE(has(seen, "waiting for an item of a queue (0 of 10)")) << seen;
  EXPECT_TRUE(has(seen, "get_one(queue<int> &) at " + at_line(get_line))) << seen;
  EXPECT_TRUE(has(
      seen, "awaited in (anonymous namespace)::consume(queue<int> &) at " + at_line(outer_line)))
      << seen;
  EXPECT_TRUE(has(seen, "last given by task ")) << seen;
  EXPECT_TRUE(has(seen, "\"producer\" at " + at_line(put_line))) << seen;
}

ON_KERNEL_REACTORS(Inspect, WhoGaveWithoutAwaitingIsKnownByWhomItWoke) {
  const inspected_run r;
  std::string seen;
  int gives = 0;
  run_on(reactor, [&]() -> task<> {
    queue<int> q(10);
    event never;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(consume(q));
      g.spawn([&]() -> task<> {
        set_task_name("giver");
        gives = __LINE__ + 1;
        co_await yield_now();
        EXPECT_TRUE(q.try_put(1));
        co_await never.wait();
      });
      co_await sleep_for(1ms);
      seen = tools::tasks_text(co_await asked_meanwhile(r.path, "tasks"));
      g.cancel();
    });
  });
  EXPECT_TRUE(has(seen, "\"giver\" at " + at_line(gives + 2))) << seen;
}

ON_KERNEL_REACTORS(Inspect, ADeadlockOfTwoLocksIsNamedAsOne) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    mutex a;
    mutex b;
    const auto both = [](const char* name, mutex& first, mutex& second) -> task<> {
      set_task_name(name);
      auto one = co_await first.lock();
      co_await yield_now();
      auto two =
          co_await timeout(1h, [&]() -> task<mutex::guard> { co_return co_await second.lock(); });
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(both("left", a, b));
      g.spawn(both("right", b, a));
      co_await sleep_for(1ms);
      seen = tools::tasks_text(co_await asked_meanwhile(r.path, "tasks"));
      g.cancel();
    });
  });
  EXPECT_TRUE(has(seen, "DEADLOCK: ")) << seen;
  EXPECT_TRUE(has(seen, "waits for a mutex that task ")) << seen;
  const std::string circle = seen.substr(std::min(seen.find("DEADLOCK"), seen.size()));
  EXPECT_TRUE(has(circle, "\"left\" holds") && has(circle, "\"right\" holds")) << seen;
  EXPECT_EQ(circle.find("DEADLOCK", 1), std::string::npos) << seen;
}

ON_KERNEL_REACTORS(Inspect, ALockThatIsOnlyHeldIsNoDeadlock) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    mutex a;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        set_task_name("holder");
        auto one = co_await a.lock();
        co_await sleep_for(1h);
      });
      g.spawn([&]() -> task<> { auto one = co_await a.lock(); });
      co_await sleep_for(1ms);
      seen = tools::tasks_text(co_await asked_meanwhile(r.path, "tasks"));
      g.cancel();
    });
  });
  EXPECT_TRUE(has(seen, "held by task ") && has(seen, "\"holder\"\n")) << seen;
  EXPECT_FALSE(has(seen, "DEADLOCK")) << seen;
}

ON_KERNEL_REACTORS(Inspect, ALeakOfTasksIsSeenInTopByWhereTheyAreSpawned) {
  const inspected_run r;
  std::string first;
  std::string second;
  int leaks = 0;
  run_on(reactor, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      tools::top_view view;
      const auto leak = [&] {
        leaks = __LINE__ + 1;
        for (int i = 0; i < 100; ++i) g.spawn(sleep_for(1h));
      };
      leak();
      co_await yield_now();
      first = view.page(co_await asked_meanwhile(r.path, "tasks"), 0, 24, 80);
      leak();
      co_await yield_now();
      second = view.page(co_await asked_meanwhile(r.path, "tasks"), 1, 24, 80);
      g.cancel();
    });
  });
  EXPECT_TRUE(has(first, "     100       +0")) << first;
  EXPECT_TRUE(has(second, "     200     +100")) << second;
  const std::size_t row = second.find("     200     +100");
  EXPECT_TRUE(has(second.substr(row, second.find('\n', row) - row), at_line(leaks))) << second;
}

ON_KERNEL_REACTORS(Inspect, ManyTasksAreListedInSlices) {
  const inspected_run r;
  std::vector<json> lines;
  run_on(reactor, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 10'000; ++i) g.spawn(sleep_for(1h));
      co_await yield_now();
      lines = co_await asked_meanwhile(r.path, "tasks");
      g.cancel();
    });
  });
  std::size_t listed = 0;
  json last;
  for (const json& l : lines) {
    listed += l.contains("task") ? 1 : 0;
    if (l.contains("listed") && (last.is_null() || l["slices"] > last["slices"])) last = l;
  }
  EXPECT_GE(listed, 10'000U);
  EXPECT_LE(listed, 10'010U);
  EXPECT_EQ(last["largest_slice"].get<int>(), 64) << last;
  EXPECT_GE(last["slices"].get<int>(), 10'000 / 64) << last;
}

namespace {

std::string stuck_for(const std::array<int, 2>& gate, const std::string& path) {
  const std::string seen = tools::tasks_text(asked(path, "tasks"));
  EXPECT_EQ(::write(gate[1], "o", 1), 1);
  return seen;
}

}  // namespace

ON_KERNEL_REACTORS(Inspect, ALoopThatIsStuckIsToldAsBlockedWithItsPlace) {
  const inspected_run r;
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe(gate.data()), 0);
  std::string seen;
  std::thread other;
  int blocks = 0;
  run_on(reactor, [&]() -> task<> {
    set_task_name("glutton");
    co_await yield_now();
    other = std::thread([&] { seen = stuck_for(gate, r.path); });
    char c = 0;
    blocks = __LINE__ + 1;
    while (::read(gate[0], &c, 1) != 1) {
    }
  });
  other.join();
  ::close(gate[0]);
  ::close(gate[1]);
  EXPECT_TRUE(has(seen, "BLOCKED in a step of \"glutton\" for ")) << seen;
  EXPECT_TRUE(has(seen, at_line(blocks))) << seen;
  EXPECT_TRUE(has(seen, "of the task that goes on\n")) << seen;
}

ON_KERNEL_REACTORS(Inspect, APlaceWhereStepsStallIsToldOnceWithHowOftenAndHowLong) {
  const inspected_run r;
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe(gate.data()), 0);
  // Lets a step go on when it is known to have stalled; what is asked is answered meanwhile.
  std::thread other([&] {
    for (int times = 1; times <= 2; ++times) {
      std::vector<json> lines;
      do lines = asked(r.path, "stalls");
      while (lines.size() < 2 || lines[1]["times"].get<int>() < times);
      EXPECT_EQ(::write(gate[1], "o", 1), 1);
    }
  });
  std::string seen;
  int blocks = 0;
  testing::internal::CaptureStderr();  // the report, which runtime_stalls.cpp reads
  run_as(options_for(reactor).stall_limit(20ms), [&]() -> task<> {
    set_task_name("glutton");
    for (int n = 0; n < 2; ++n) {
      co_await yield_now();
      char c = 0;
      blocks = __LINE__ + 1;
      while (::read(gate[0], &c, 1) != 1) {
      }
    }
    co_await yield_now();  // the step has ended
    seen = tools::stalls_text(co_await asked_meanwhile(r.path, "stalls"));
  });
  const std::string said = testing::internal::GetCapturedStderr();
  other.join();
  ::close(gate[0]);
  ::close(gate[1]);
  EXPECT_TRUE(seen.starts_with("2 times, ")) << seen;
  EXPECT_GE(std::stol(seen.substr(9)), 20) << seen;
  EXPECT_TRUE(has(seen, " ms at most: a step of \"glutton\" has run for ")) << seen;
  EXPECT_TRUE(has(seen, at_line(blocks))) << seen;
  EXPECT_EQ(seen.find("at most"), seen.rfind("at most")) << seen;
  EXPECT_EQ(said.find("a step of"), said.rfind("a step of")) << said;
}

ON_KERNEL_REACTORS(Inspect, ARunWithoutStallsSaysSo) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    seen = tools::stalls_text(co_await asked_meanwhile(r.path, "stalls"));
  });
  EXPECT_TRUE(seen.starts_with("no stall was seen")) << seen;
}

ON_KERNEL_REACTORS(Inspect, TheSocketIsItsOwnersAloneAndGoesWithTheRun) {
  const inspected_run r;
  run_on(reactor, [&]() -> task<> {
    struct stat s{};
    EXPECT_EQ(::stat(r.path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0600U);
    const auto lines = co_await asked_meanwhile(r.path, "loops");
    EXPECT_EQ(lines.at(0)["pid"].get<int>(), ::getpid());
  });
  struct stat s{};
  EXPECT_NE(::stat(r.path.c_str(), &s), 0);
}

ON_KERNEL_REACTORS(Inspect, ASocketThatCannotBeHadIsAWarning) {
  const environment_variable on("RONDO_INSPECT", "/nowhere/at/all");
  testing::internal::CaptureStderr();
  EXPECT_EQ(run(run_options().reactor(reactor), []() -> task<int> { co_return 7; }), 7);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(has(said, "nobody can look inside: the inspect socket /nowhere/at/all: ")) << said;
}

// What is seen of a program changes nothing of what it does.
CONFORMANCE_RUNS(Inspect, TheOrderOfStepsIsThatOfARunThatNobodyInspects) {
  const auto order = [&](const char* inspect) {
    const environment_variable on("RONDO_INSPECT", inspect);
    std::vector<int> steps;
    run_on(reactor, [&]() -> task<> {
      queue<int> q(3);
      mutex m;
      const auto work = [&](int n) -> task<> {
        for (int i = 0; i < 100; ++i) {
          {
            const auto held = co_await m.lock();
            steps.push_back(n);
          }
          if (n % 2 == 0)
            co_await q.put(n);
          else
            co_await q.get();
        }
      };
      // Awaits that are over at once: the budget alone lets others in between.
      const auto eager = [&](int n) -> task<> {
        mutex own;
        for (int i = 0; i < 200; ++i) {
          const auto held = co_await own.lock();
          steps.push_back(n);
        }
      };
      co_await gather(
          eager(5), eager(6), work(1), work(2), [&]() -> task<> { co_await work(3); }, work(4));
    });
    return steps;
  };
  const temporary_folder folder;
  const std::string path = folder / "s";
  EXPECT_EQ(order(nullptr), order(path.c_str()));
}
