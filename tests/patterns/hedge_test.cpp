#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace hedge_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

struct boom : std::runtime_error {
  explicit boom(int n) : std::runtime_error("boom " + std::to_string(n)), number(n) {}
  int number;
};

// Calls that take the times of a list and then give their number, or throw it when the time is
// negative. Counts those that run.
struct script {
  std::vector<nanoseconds> times;
  int made = 0;
  int running = 0;
  std::vector<nanoseconds> starts{};
  nanoseconds begun = this_loop().now().time_since_epoch();

  task<int> operator()() {
    struct guard {
      explicit guard(int& n) : count(&n) { ++*count; }
      guard(const guard&) = delete;
      guard& operator=(const guard&) = delete;
      ~guard() { --*count; }
      int* count;
    };
    const int n = made++;
    const guard here(running);
    starts.push_back(this_loop().now().time_since_epoch() - begun);
    const nanoseconds t = times.at(static_cast<std::size_t>(n));
    co_await sleep_for(t < 0ns ? -t : t);
    if (t < 0ns) throw boom(n);
    co_return n;
  }
};
auto calling(script& s) {
  return [&s] { return s(); };
}

nanoseconds now() { return this_loop().now().time_since_epoch(); }

}  // namespace

TEST(Hedge, ACallThatIsQuickIsMadeOnce) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(50ms));
    script s{{50ms - 1ns}};
    EXPECT_EQ(co_await h(calling(s)), 0);
    EXPECT_EQ(s.made, 1);
    EXPECT_EQ(h.totals().hedged, 0U);
  });
}

TEST(Hedge, ASlowCallIsMadeAgainAfterTheDelayAndTheFirstToSucceedWins) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(50ms));
    script s{{1h, 10ms}};
    EXPECT_EQ(co_await h(calling(s)), 1);
    EXPECT_EQ(s.starts, (std::vector<nanoseconds>{0ms, 50ms}));
    EXPECT_EQ(now() - s.begun, 60ms);
    EXPECT_EQ(s.running, 0);  // the loser has ended
    EXPECT_EQ(h.totals().hedged, 1U);
    EXPECT_EQ(h.totals().won, 1U);

    script slower{{70ms, 1h}};
    EXPECT_EQ(co_await h(calling(slower)), 0);
    EXPECT_EQ(slower.made, 2);
    EXPECT_EQ(slower.running, 0);
    EXPECT_EQ(now() - slower.begun, 70ms);
  });
}

TEST(Hedge, LosersHaveEndedTheirCleanupIncludedWhenTheCallerGoesOn) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms));
    int made = 0, cleaned = 0;
    const int n = co_await h([&]() -> task<int> {
      const int me = made++;
      if (me == 1) co_return 1;
      co_return co_await finally(
          []() -> task<int> {
            co_await sleep_for(1h);
            co_return 0;
          },
          [&]() -> task<> {
            co_await sleep_for(5ms);
            ++cleaned;
          });
    });
    EXPECT_EQ(n, 1);
    EXPECT_EQ(cleaned, 1);
  });
}

TEST(Hedge, AFailureMakesTheNextCallAtOnce) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(50ms));
    script s{{-5ms, 10ms}};
    EXPECT_EQ(co_await h(calling(s)), 1);
    EXPECT_EQ(s.starts, (std::vector<nanoseconds>{0ms, 5ms}));
  });
}

TEST(Hedge, ForSlowCallsAloneAFailureIsTheResultWhenNoOtherCallRuns) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(50ms).only_when_slow());
    const auto failure_of = [&](auto call) -> task<int> {
      const auto o = co_await h.run(call);
      try {
        co_return -o.value();
      } catch (const boom& b) {
        co_return b.number;
      }
    };
    script quick{{-5ms}};
    EXPECT_EQ(co_await failure_of(calling(quick)), 0);
    event over;
    const auto timer = this_loop().call_later(50ms, [&] { over.set(); });  // before the hedge's own
    EXPECT_EQ(co_await failure_of([&]() -> task<int> {
                co_await over.wait();
                throw boom(7);
              }),
              7);
    EXPECT_EQ(h.totals().hedged, 0U);

    script first_fails{{-60ms, 20ms}};
    EXPECT_EQ(co_await h(calling(first_fails)), 1);
    script second_fails{{70ms, -1ms}};
    EXPECT_EQ(co_await h(calling(second_fails)), 0);
    script both_fail{{-60ms, -1ms}};
    EXPECT_EQ(co_await failure_of(calling(both_fail)), 0);
    EXPECT_EQ(both_fail.made, 2);
    EXPECT_EQ(h.totals().hedged, 3U);

    hedge twice_more(hedge::options().delay(50ms).max_calls(3).only_when_slow());
    script the_third_waits{{120ms, -1ms, 1h}};
    EXPECT_EQ(co_await twice_more(calling(the_third_waits)), 0);
    EXPECT_EQ(the_third_waits.starts, (std::vector<nanoseconds>{0ms, 50ms, 100ms}));
  });
}

TEST(Hedge, WhenAllFailTheErrorIsTheFirstOnes) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms).max_calls(3));
    script s{{-30ms, -1ms, -2ms}};  // the second fails first
    int number = -1;
    try {
      co_await h(calling(s));
    } catch (const boom& b) {
      number = b.number;
    }
    EXPECT_EQ(number, 0);
    EXPECT_EQ(s.starts, (std::vector<nanoseconds>{0ms, 10ms, 11ms}));
    EXPECT_EQ(now() - s.begun, 30ms);

    const auto error = std::make_exception_ptr(boom(9));
    const auto o = co_await h.run([&]() -> task<> {
      std::rethrow_exception(error);
      co_return;
    });
    EXPECT_EQ(o.error(), error);
  });
}

TEST(Hedge, MakesAsManyCallsAsItMay) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms).max_calls(4));
    script s{{1h, 1h, 1h, 5ms}};
    EXPECT_EQ(co_await h(calling(s)), 3);
    EXPECT_EQ(s.starts, (std::vector<nanoseconds>{0ms, 10ms, 20ms, 30ms}));
    EXPECT_EQ(s.running, 0);
  });
}

TEST(Hedge, AFunctionThatThrowsBeforeThereIsATaskHasFailed) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms));
    int made = 0;
    script s{{1ms}};
    EXPECT_EQ(co_await h([&]() -> task<int> {
                if (made++ == 0) throw boom(0);
                return s();
              }),
              0);
    const auto o = co_await h.run([&]() -> task<int> { throw boom(7); });
    EXPECT_TRUE(o.has_error());
  });
}

TEST(Hedge, ARefusedHedgeCountsForNothing) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms).max_calls(3));
    bulkhead one(1);
    script s{{30ms}};
    const auto o = co_await h.run([&] { return one.run(calling(s)); });
    EXPECT_EQ(o.value(), 0);
    EXPECT_EQ(s.made, 1);
    EXPECT_EQ(now() - s.begun, 30ms);
    const auto held = one.try_acquire();
    EXPECT_TRUE((co_await h.run([&] { return one.run(calling(s)); })).code() ==
                rejection_reason::bulkhead_full);
  });
}

TEST(Hedge, LosersAreNeutralToTheBreaker) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms));
    circuit_breaker b(circuit_breaker::options().consecutive_failures(1));
    script s{{1h, 1ms}};
    EXPECT_EQ(co_await h([&] { return b.run(calling(s)); }), 1);
    EXPECT_EQ(b.totals().neutral, 1U);
    EXPECT_EQ(b.totals().successes, 1U);
    EXPECT_EQ(b.in_use(), 0U);
    EXPECT_EQ(b.current(), circuit_breaker::state::closed);
  });
}

TEST(Hedge, AClassifierDecidesWhatHasFailed) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(1h).classify(
        [](const outcome<int>& o) { return o.has_value() && o.value() == 503; }));
    int made = 0;
    EXPECT_EQ(co_await h([&]() -> task<int> { co_return made++ == 0 ? 503 : 200; }), 200);
    EXPECT_EQ(co_await h([&]() -> task<int> { co_return 503; }), 503);
    made = 0;
    const auto o = co_await h.run([&]() -> task<int> {  // an error, but not the callee's
      ++made;
      throw boom(404);
      co_return 1;
    });
    EXPECT_TRUE(o.has_error());
    EXPECT_EQ(made, 1);
  });
}

TEST(Hedge, WhatAClassifierThrowsIsThrownWhenTheCallsHaveEnded) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(1ms).classify(
        [](const outcome<int>&) -> bool { throw std::logic_error("a classifier's own"); }));
    script s{{1h, 1ms}};
    bool caught = false;
    try {
      (void)co_await h.run(calling(s));
    } catch (const std::logic_error&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(s.running, 0);
  });
}

TEST(Hedge, ACancelledCallIsNotMadeAgain) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(1h));
    int made = 0;
    const auto o = co_await h.run([&]() -> task<int> {
      ++made;
      throw cancelled_error();
      co_return 1;
    });
    EXPECT_TRUE(o.has_error());
    EXPECT_EQ(made, 1);
  });
}

TEST(Hedge, ABudgetBoundsTheHedgesOfAllCallers) {
  simulate([]() -> task<> {
    const auto budget = std::make_shared<retry_budget>(retry_budget_options::share(0.1, 1h, 0));
    hedge h(hedge::options().delay(1ms).budget(budget));
    for (int i = 0; i < 100; ++i) {
      script s{{2ms, 2ms}};
      co_await h(calling(s));
    }
    EXPECT_EQ(h.totals().hedged, 10U);
  });
}

// Tokens are spent by failures alone (gRFC A6): where all succeed, and slowly, each call may be
// made twice.
TEST(Hedge, TokensDoNotBoundTheHedgesOfCallsThatSucceed) {
  simulate([]() -> task<> {
    const auto budget = std::make_shared<retry_budget>();
    hedge h(hedge::options().delay(1ms).budget(budget));
    for (int i = 0; i < 100; ++i) {
      script s{{2ms, 2ms}};
      co_await h(calling(s));
    }
    EXPECT_EQ(h.totals().hedged, 100U);
    EXPECT_EQ(budget->tokens(), 10);
  });
}

TEST(Hedge, TheDelayFollowsAQuantileOfTheLatencies) {
  simulate([]() -> task<> {
    hedge h(hedge::options().quantile(0.9));
    EXPECT_FALSE(h.current_delay().has_value());
    for (int i = 1; i <= 20; ++i) {
      script s{{i * 1ms}};
      co_await h(calling(s));
    }
    EXPECT_EQ(h.current_delay(), 18ms);
    script s{{1h, 1ms}};
    EXPECT_EQ(co_await h(calling(s)), 1);
    EXPECT_EQ(s.starts[1], 18ms);
    // The call that was overtaken counts with the time that it had taken by then: 19 ms.
    EXPECT_EQ(h.current_delay(), 19ms);
  });
}

TEST(Hedge, TheQuantileIsThatOfTheLatestCalls) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    detail::random_source random(seed);
    detail::latency_window window;
    std::deque<nanoseconds> model;
    for (int i = 0; i < 400; ++i) {
      const nanoseconds d(random.between(0, 50));
      window.add(d);
      model.push_back(d);
      if (model.size() > detail::latency_window::capacity) model.pop_front();
      std::vector<nanoseconds> sorted(model.begin(), model.end());
      std::sort(sorted.begin(), sorted.end());
      ASSERT_EQ(window.size(), sorted.size());
      for (const double q : {0.01, 0.5, 0.9, 0.99, 1.0}) {
        std::size_t at_most = 0;  // the least that a share of q does not exceed
        while (static_cast<double>(at_most + 1) < q * static_cast<double>(sorted.size())) ++at_most;
        ASSERT_EQ(window.quantile(q), sorted[at_most]) << "seed " << seed << " q " << q;
      }
    }
  }
}

TEST(Hedge, CancelledAtEveryWaitLeavesNoCallBehind) {
  int running = 0;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        hedge h(hedge::options().delay(10ms).max_calls(3));
        script s{{40ms, -5ms, 60ms}};
        struct report {
          script& s;
          int& to;
          ~report() { to = s.running; }
        };
        const report at_the_end{s, running};
        co_return co_await h(calling(s));
      },
      [&](outcome<int>& o) {
        EXPECT_FALSE(o.has_error());
        EXPECT_EQ(running, 0);
      });
  EXPECT_EQ(n.at_rest, 7U);
}

TEST(Hedge, AnOuterDeadlineEndsAllCalls) {
  simulate([]() -> task<> {
    hedge h(hedge::options().delay(10ms));
    script s{{1h, 1h}};
    std::optional<nanoseconds> left;
    EXPECT_FALSE(co_await try_for(30ms, h([&]() -> task<int> {
                                    left = remaining_time();
                                    return s();
                                  })));
    EXPECT_EQ(left, 20ms);
    EXPECT_EQ(s.made, 2);
    EXPECT_EQ(s.running, 0);
  });
}

TEST(Hedge, WrongOptionsAreRefusedWithASentence) {
  const auto sentence = [](auto fn) -> std::string {
    try {
      fn();
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(sentence([] { hedge::options().delay(-1ms); }),
            "hedge: the delay must not be negative");
  EXPECT_EQ(sentence([] { hedge::options().quantile(1); }),
            "hedge: the quantile must lie between 0 and 1, both excluded");
  EXPECT_EQ(sentence([] { hedge::options().max_calls(1); }),
            "hedge: with fewer than 2 calls there is nothing to hedge");
  EXPECT_EQ(sentence([] { hedge::options().max_calls(17); }),
            "hedge: more than 16 calls side by side are an attack");
  EXPECT_EQ(sentence([] { hedge::options().budget(std::shared_ptr<retry_budget>()); }),
            "hedge: the budget must be there");
}

#ifndef RONDO_TEST_SANITIZED
TEST(Hedge, AllocatesNothingWhenTheFirstCallIsQuick) {
  simulate([]() -> task<> {
    hedge by_delay(hedge::options().delay(10ms));
    hedge by_quantile;
    const auto call = []() -> task<int> {
      co_await sleep_for(1ms);
      co_return 1;
    };
    co_await by_delay(call);
    co_await by_quantile(call);
    const auto before = allocations();
    for (int i = 0; i < 15; ++i) {
      co_await by_delay(call);
      co_await by_quantile(call);
    }
    EXPECT_EQ(allocations(), before);
  });
}
#endif

}  // namespace hedge_test
