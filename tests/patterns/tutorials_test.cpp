// Three programs that many tutorials teach, in our own words: a breaker, a retry, and a producer
// with consumers. Each defect is shown by a run in the simulation, and the right version beside it.
// The guide (docs/resilience.md) says why.
#include "support/run_on.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

nanoseconds loop_time() { return this_loop().now().time_since_epoch(); }

// Opens after three failures and lets calls through again after a minute of some clock.
class tutorial_breaker {
 public:
  explicit tutorial_breaker(nanoseconds (*clock)() = &loop_time) : clock_(clock) {}
  task<bool> call(task<int> t) {
    if (failures_ >= 3 && clock_() < opened_ + 60s) co_return false;
    const outcome<int> o = co_await as_result(std::move(t));
    failures_ = o.has_value() ? 0 : failures_ + 1;
    if (failures_ == 3) opened_ = clock_();
    co_return o.has_value();
  }

 private:
  nanoseconds (*clock_)();
  int failures_ = 0;
  nanoseconds opened_{};
};

nanoseconds wall_clock_set_back{};
nanoseconds wall_clock() { return loop_time() - wall_clock_set_back; }

struct failing_server {
  int calls = 0;
  task<int> call() {
    ++calls;
    co_await sleep_for(1ms);
    throw std::runtime_error("down");
    co_return 1;
  }
};

}  // namespace

TEST(TutorialBreaker, MadeAnewForEachCallItNeverOpens) {
  simulate([]() -> task<> {
    failing_server s;
    for (int i = 0; i < 100; ++i) {
      tutorial_breaker b;
      co_await b.call(s.call());
    }
    EXPECT_EQ(s.calls, 100);
  });
  simulate([]() -> task<> {
    failing_server s;
    circuit_breaker b;  // one for all
    for (int i = 0; i < 100; ++i) (void)co_await b.run([&] { return s.call(); });
    EXPECT_EQ(s.calls, 5);
  });
}

TEST(TutorialBreaker, LetsEverybodyInWhenItsTimeIsOver) {
  simulate([]() -> task<> {
    failing_server s;
    tutorial_breaker b;
    for (int i = 0; i < 3; ++i) co_await b.call(s.call());
    co_await sleep_for(60s);
    s.calls = 0;
    std::vector<task<bool>> callers;
    for (int i = 0; i < 100; ++i) callers.push_back(b.call(s.call()));
    co_await gather(std::move(callers));
    EXPECT_EQ(s.calls, 100);
  });
  simulate([]() -> task<> {
    failing_server s;
    circuit_breaker b(circuit_breaker::options().consecutive_failures(3));
    for (int i = 0; i < 3; ++i) (void)co_await b.run([&] { return s.call(); });
    co_await sleep_for(60s);
    s.calls = 0;
    std::vector<task<outcome<int>>> callers;
    for (int i = 0; i < 100; ++i) callers.push_back(b.run([&] { return s.call(); }));
    co_await gather(std::move(callers));
    EXPECT_EQ(s.calls, 1);
  });
}

TEST(TutorialBreaker, OnTheWallClockStaysOpenForAnHourWhenTheClockIsSetBack) {
  simulate([]() -> task<> {
    wall_clock_set_back = 0ns;
    failing_server s;
    tutorial_breaker b(&wall_clock);
    for (int i = 0; i < 3; ++i) co_await b.call(s.call());
    wall_clock_set_back = 1h;
    co_await sleep_for(1h);
    s.calls = 0;
    co_await b.call(s.call());
    EXPECT_EQ(s.calls, 0);  // a circuit_breaker reads the loop's steady time: 60 s are 60 s
  });
}

TEST(TutorialRetry, WithoutJitterCallersComeBackTogether) {
  const auto seconds_of_return = [](const retry& policy) {
    std::multiset<nanoseconds> when;
    simulate([&]() -> task<> {
      std::vector<task<outcome<int>>> callers;
      std::vector<int> calls(50);
      for (int& n : calls)
        callers.push_back(policy.run([&n, &when]() -> task<int> {
          if (++n == 2) when.insert(loop_time());
          throw std::runtime_error("down");
          co_return 1;
        }));
      co_await gather(std::move(callers));
    });
    std::size_t most = 0;
    for (const nanoseconds t : when) most = std::max(most, when.count(t));
    return most;
  };
  const auto tutorial = retry().backoff(backoff::exponential(1s));
  EXPECT_EQ(seconds_of_return(tutorial), 50U);
  const auto right = retry().backoff(backoff::exponential(1s).full_jitter().seed(1));
  EXPECT_LT(seconds_of_return(right), 3U);
}

TEST(TutorialRetry, WithoutACapSleepsForYears) {
  const auto tutorial = backoff::exponential(1s).cap(std::chrono::hours(1'000'000));
  EXPECT_GT(tutorial.nominal(30), std::chrono::hours(24 * 365));
  EXPECT_EQ(backoff::exponential(1s).nominal(30), 30s);  // capped unless told otherwise
}

TEST(TutorialRetry, ThatCatchesEverythingRetriesACancelledCall) {
  simulate([]() -> task<> {
    int calls = 0;
    const auto cancelled = [&]() -> task<int> {
      ++calls;
      throw cancelled_error();
      co_return 1;
    };
    for (int attempt = 0; attempt < 3; ++attempt) {
      try {
        co_await cancelled();
        break;
      } catch (const std::exception&) {
      }
    }
    EXPECT_EQ(calls, 3);
    calls = 0;
    (void)co_await retry().run(cancelled);
    EXPECT_EQ(calls, 1);
  });
}

TEST(TutorialQueue, EndedByPuttingTheSentinelBackDeadlocksWhenItIsFull) {
  constexpr int sentinel = -1;
  EXPECT_ANY_THROW(simulate([]() -> task<> {  // the simulation says so instead of hanging
    queue<int> q(1);
    const auto consumer = [&]() -> task<> {
      while (co_await q.get() != sentinel) {
      }
      co_await q.put(sentinel);  // for the other consumer
    };
    const auto producer = [&]() -> task<> {
      for (int i = 0; i < 3; ++i) co_await q.put(i);
      co_await q.put(sentinel);
    };
    co_await gather(consumer(), consumer(), producer(), producer());
  }));
  simulate([]() -> task<> {
    queue<int> q(1);
    int got = 0;
    const auto consumer = [&]() -> task<> {
      while (co_await q.next()) ++got;
    };
    const auto producer = [&]() -> task<> {
      for (int i = 0; i < 3; ++i) co_await q.put(i);
    };
    const auto producers = [&]() -> task<> {
      co_await gather(producer(), producer());
      q.close();
    };
    co_await gather(consumer(), consumer(), producers());
    EXPECT_EQ(got, 6);
  });
}

TEST(TutorialGather, ACancelledChildIsNoValueAndNoFailure) {
  simulate([]() -> task<> {
    const auto stopped = []() -> task<int> {
      throw cancelled_error();
      co_return 1;
    };
    // What the tutorial gets: an exception object among the results, like any other.
    std::vector<std::exception_ptr> results;
    try {
      co_await stopped();
    } catch (...) {
      results.push_back(std::current_exception());
    }
    EXPECT_EQ(results.size(), 1U);
    // Here: a caller that is cancelled does not go on, whatever it gathers.
    bool went_on = false;
    EXPECT_FALSE(co_await try_for(1s, [&]() -> task<> {
      std::vector<task<>> children;
      children.push_back([]() -> task<> { co_await sleep_for(1h); }());
      (void)co_await gather(return_exceptions, std::move(children));
      went_on = true;
    }));
    EXPECT_FALSE(went_on);
  });
}
