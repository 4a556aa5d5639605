#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

task<int> good() { co_return 1; }
nanoseconds now() { return this_loop().now().time_since_epoch(); }
const std::error_code reset = std::make_error_code(std::errc::connection_reset);

}  // namespace

TEST(Chaos, DoesNothingUnlessEnabled) {
  simulate([]() -> task<> {
    chaos c(chaos::options().latency(1, 1h).error(1, reset).result(1, 7));
    const auto before = now();
    EXPECT_EQ(co_await c(good), 1);
    EXPECT_EQ(now(), before);
    c.enable();
    EXPECT_TRUE((co_await c.run(good)).has_error());
    c.enable(false);
    EXPECT_EQ(co_await c(good), 1);
    EXPECT_EQ(c.totals().failed, 1U);
  });
}

TEST(Chaos, DelaysACallExactly) {
  simulate([]() -> task<> {
    chaos c(chaos::options().enabled().latency(1, 50ms));
    const auto before = now();
    EXPECT_EQ(co_await c(good), 1);
    EXPECT_EQ(now() - before, 50ms);
    chaos between(chaos::options().enabled().latency(1, 10ms, 20ms).seed(1));
    for (int i = 0; i < 100; ++i) {
      const auto begun = now();
      co_await between(good);
      EXPECT_TRUE(now() - begun >= 10ms && now() - begun <= 20ms);
    }
  });
}

TEST(Chaos, FailsACallWithoutMakingIt) {
  simulate([]() -> task<> {
    int calls = 0;
    const auto call = [&]() -> task<> {
      ++calls;
      co_return;
    };
    chaos c(chaos::options().enabled().error(1, reset));
    EXPECT_EQ((co_await c.run(call)).code(), reset);
    const auto error = std::make_exception_ptr(std::runtime_error("injected"));
    chaos other(chaos::options().enabled().error(1, error));
    EXPECT_EQ((co_await other.run(call)).error(), error);
    EXPECT_EQ(calls, 0);
  });
}

TEST(Chaos, GivesAnotherResultToCallsOfItsType) {
  simulate([]() -> task<> {
    chaos c(chaos::options().enabled().result(1, std::string("from chaos")));
    EXPECT_EQ(co_await c([]() -> task<std::string> { co_return "real"; }), "from chaos");
    EXPECT_EQ(co_await c([]() -> task<std::string> { co_return "real"; }), "from chaos");
    EXPECT_EQ(co_await c(good), 1);
    EXPECT_EQ(c.totals().replaced, 2U);
  });
}

TEST(Chaos, HappensAsOftenAsAskedAndAgainForTheSameSeed) {
  simulate([]() -> task<> {
    const auto trace = [](std::uint64_t seed) -> task<std::string> {
      chaos c(chaos::options().enabled().error(0.25, reset).seed(seed));
      std::string s;
      for (int i = 0; i < 4000; ++i) s += (co_await c.run(good)).has_error() ? 'x' : '.';
      EXPECT_NEAR(static_cast<double>(c.totals().failed), 1000, 100);
      co_return s;
    };
    EXPECT_EQ(co_await trace(1), co_await trace(1));
    EXPECT_NE(co_await trace(1), co_await trace(2));
  });
}

TEST(Chaos, InsideAPolicyItIsTheCalleesFailure) {
  simulate([]() -> task<> {
    chaos c(chaos::options().enabled().error(1, reset));
    circuit_breaker b(circuit_breaker::options().consecutive_failures(2));
    const auto again = retry().max_attempts(9).backoff(backoff::constant(1ms));
    const auto o = co_await again.run([&] { return b.run([&] { return c.run(good); }); });
    EXPECT_TRUE(o.code() == rejection_reason::circuit_open);
    EXPECT_EQ(c.totals().failed, 2U);
  });
}

TEST(Chaos, CancelledAtEveryWaitLeavesNothing) {
  const auto n = cancel_at_every_wait(reactor_kind::simulated, []() -> task<> {
    chaos c(chaos::options().enabled().latency(1, 5ms));
    for (int i = 0; i < 3; ++i) (void)co_await c.run(good);
  });
  EXPECT_EQ(n.at_rest, 3U);
}

TEST(Chaos, WrongOptionsAreRefusedWithASentence) {
  const auto sentence = [](auto fn) -> std::string {
    try {
      fn();
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(sentence([] { chaos::options().latency(1.1, 1s); }),
            "chaos: a probability must be from 0 to 1");
  EXPECT_EQ(sentence([] { chaos::options().result(-0.1, 1); }),
            "chaos: a probability must be from 0 to 1");
  EXPECT_EQ(sentence([] { chaos::options().latency(1, 2s, 1s); }),
            "chaos: the latency must not be negative, and the least not above the most");
  EXPECT_EQ(sentence([] { chaos::options().error(1, std::exception_ptr()); }),
            "chaos: the error must be there");
  EXPECT_EQ(sentence([] { chaos::options().error(1, std::error_code()); }),
            "chaos: the error's code says success");
}

#ifndef RONDO_TEST_SANITIZED
TEST(Chaos, AllocatesNothingWhenOff) {
  simulate([]() -> task<> {
    chaos c{chaos::options()};
    (void)co_await c.run(good);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await c.run(good);
    EXPECT_EQ(allocations(), before);
  });
}
#endif
