#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime/run_on_threads.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using state = circuit_state;
using options = circuit_breaker::options;

namespace {

constexpr circuit_breaker::time_point at(nanoseconds d) {
  return circuit_breaker::time_point(d + 1000h);
}
void call(shared_circuit_breaker& b, verdict v, nanoseconds now) {
  auto p = b.admit(at(now));
  ASSERT_TRUE(p);
  p.settle(v, at(now));
}
task<int> good() { co_return 1; }
task<int> bad() {
  throw std::runtime_error("bad");
  co_return 1;
}

}  // namespace

TEST(SharedCircuitBreaker, KeepsThePromisesOfTheOther) {
  std::string trace;
  shared_circuit_breaker b(options().consecutive_failures(3).on_transition(
      [&](const circuit_transition& t) { trace += "COHI"[static_cast<int>(t.to)]; }));
  call(b, verdict::failure, 0s);
  call(b, verdict::failure, 0s);
  call(b, verdict::success, 0s);  // breaks the row
  for (int i = 0; i < 3; ++i) call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::open);
  EXPECT_EQ(b.admit(at(20s)).refusal().retry_after, 40s);
  EXPECT_FALSE(b.admit(at(60s - 1ns)));
  {
    auto probe = b.admit(at(60s));
    EXPECT_TRUE(probe);
    EXPECT_EQ(b.admit(at(60s)).refusal().reason, rejection_reason::probe_busy);
  }  // dropped: the place is free again
  call(b, verdict::success, 61s);
  EXPECT_EQ(b.current(), state::closed);
  auto late = b.admit(at(61s));
  {
    auto held = b.isolate();
    EXPECT_EQ(b.admit(at(61s)).refusal().reason, rejection_reason::isolated);
  }
  b.reset();
  late.settle(verdict::failure, at(62s));
  EXPECT_EQ(b.totals().stale, 1U);
  EXPECT_EQ(b.in_use(), 0U);
  EXPECT_EQ(trace, "OHCIC");
}

TEST(SharedCircuitBreaker, CountsRatesToo) {
  shared_circuit_breaker b(options().failure_rate(0.5).count_window(4, 4));
  call(b, verdict::success, 0s);
  call(b, verdict::success, 0s);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::closed);
  call(b, verdict::failure, 0s);
  EXPECT_EQ(b.current(), state::open);
}

TEST(SharedCircuitBreaker, AListenerMayCallBackIn) {
  shared_circuit_breaker* self = nullptr;
  std::string trace;
  shared_circuit_breaker b(
      options().consecutive_failures(1).on_transition([&](const circuit_transition& t) {
        trace += "COHI"[static_cast<int>(t.to)];
        if (t.to == state::open) self->reset();
        trace += '.';
      }));
  self = &b;
  call(b, verdict::failure, 0s);
  EXPECT_EQ(trace, "O.C.");
}

TEST(SharedCircuitBreaker, RunsCallsOfALoop) {
  simulate([]() -> task<> {
    shared_circuit_breaker b(options().consecutive_failures(2));
    const auto stack = compose(retry().max_attempts(2).backoff(backoff::constant(1ms)), b);
    EXPECT_EQ(co_await stack(good), 1);
    (void)co_await stack.run(bad);
    EXPECT_TRUE((co_await b.run(good)).code() == rejection_reason::circuit_open);
  });
}

// Threads in a circle of failing, opening, probing and closing, on one virtual clock that all of
// them push on.
TEST(SharedCircuitBreaker, NoProbeTooManyAndNoCallLostAmongThreads) {
  constexpr int threads = 4;
  constexpr int rounds = 20'000;
  std::atomic<std::uint64_t> refused{0}, admitted{0};
  std::vector<state> told;
  shared_circuit_breaker b(
      options().consecutive_failures(3).open_for(10ns).probe_lease(1h).on_transition(
          [&](const circuit_transition& t) { told.push_back(t.to); }),
      at(0s));
  std::atomic<std::int64_t> clock{0};
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t)
    team.emplace_back([&, t] {
      detail::random_source r(static_cast<std::uint64_t>(t) + 1);
      for (int i = 0; i < rounds; ++i) {
        const auto now = at(nanoseconds(clock.fetch_add(1)));
        auto p = b.admit(now);
        if (!p) {
          refused.fetch_add(1);
          continue;
        }
        admitted.fetch_add(1);
        const auto end = r.between(0, 9);
        if (end < 5) p.settle(verdict::failure, now);
        if (end >= 5 && end < 9) p.settle(verdict::success, now);
      }  // else dropped
    });
  for (auto& one : team) one.join();
  const auto c = b.totals();
  EXPECT_EQ(c.admitted, admitted.load());
  EXPECT_EQ(c.refused, refused.load());
  EXPECT_EQ(c.admitted, c.successes + c.failures + c.neutral + c.stale);
  EXPECT_EQ(b.in_use(), 0U);
  EXPECT_GT(c.opened, 100U);
  // Every change was told, once and in order.
  state before = state::closed;
  std::uint64_t opened = 0;
  for (const state to : told) {
    if (to == state::open) {
      EXPECT_NE(before, state::open);
      ++opened;
    }
    if (to == state::half_open) EXPECT_EQ(before, state::open);
    if (to == state::closed) EXPECT_EQ(before, state::half_open);
    before = to;
  }
  EXPECT_EQ(opened, c.opened);
}

TEST(SharedCircuitBreaker, OfManyThreadsAtHalfOpenOneIsAdmitted) {
  for (int round = 0; round < 50; ++round) {
    shared_circuit_breaker b(options().consecutive_failures(1).open_for(60s));
    call(b, verdict::failure, 0s);
    std::atomic<int> admitted{0};
    std::mutex m;
    std::vector<shared_circuit_breaker::permit> kept;
    std::vector<std::thread> team;
    for (int t = 0; t < 4; ++t)
      team.emplace_back([&] {
        for (int i = 0; i < 25; ++i) {
          auto p = b.admit(at(60s));
          if (!p) continue;
          admitted.fetch_add(1);
          const std::lock_guard lock(m);
          kept.push_back(std::move(p));
        }
      });
    for (auto& one : team) one.join();
    EXPECT_EQ(admitted.load(), 1);
  }
}

TEST(SharedCircuitBreaker, ServesTheLoopsOfSeveralThreads) {
  shared_circuit_breaker b(options().consecutive_failures(1'000'000));
  std::atomic<std::uint64_t> called{0};
  run_on_threads(
      3,
      [&](std::size_t i) -> task<> {
        const auto stack = compose(retry().max_attempts(2).backoff(backoff::constant(0ns)), b);
        for (int n = 0; n < 500; ++n)
          (void)co_await stack.run([&called, fails = n % 7 == static_cast<int>(i)]() -> task<int> {
            called.fetch_add(1);
            if (fails) throw std::runtime_error("bad");
            co_return 1;
          });
      },
      run_options().handle_sigint(false));
  const auto c = b.totals();
  EXPECT_EQ(c.admitted, called.load());
  EXPECT_EQ(c.successes + c.failures, called.load());
}
