#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace fallback_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

task<int> good() { co_return 1; }
task<int> bad() {
  throw std::runtime_error("bad");
  co_return 1;
}
task<int> slow() {
  co_await sleep_for(1h);
  co_return 1;
}

}  // namespace

TEST(Fallback, AnswersForAnErrorAndLetsAValueThrough) {
  simulate([]() -> task<> {
    EXPECT_EQ(co_await compose(fallback(7))(good), 1);
    EXPECT_EQ(co_await compose(fallback(7))(bad), 7);
    EXPECT_EQ(co_await fallback([] { return 8; })(bad), 8);
    EXPECT_EQ(
        co_await fallback([](const outcome<int>& why) { return why.has_error() ? 9 : 0; })(bad), 9);
  });
}

TEST(Fallback, MayBeATask) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    const auto stack = compose(fallback([](const outcome<int>&) -> task<int> {
                                 co_await sleep_for(5ms);
                                 co_return 7;
                               }),
                               attempt_timeout(1s));
    EXPECT_EQ(co_await stack(slow), 7);
    EXPECT_EQ(this_loop().now() - before, 1s + 5ms);
  });
}

TEST(Fallback, OfNothingForACallThatGivesNothing) {
  simulate([]() -> task<> {
    int asked = 0;
    co_await fallback([&] { ++asked; })([]() -> task<> {
      throw std::runtime_error("bad");
      co_return;
    });
    EXPECT_EQ(asked, 1);
  });
}

TEST(Fallback, AnswersForARejection) {
  simulate([]() -> task<> {
    circuit_breaker breaker;
    auto held = breaker.isolate();
    EXPECT_EQ(co_await compose(fallback(7), retry(), breaker)(good), 7);
  });
}

TEST(Fallback, ThatThrowsIsTheError) {
  simulate([]() -> task<> {
    const auto sync = compose(fallback([]() -> int { throw std::logic_error("mine"); }));
    EXPECT_THROW((void)(co_await sync.run(bad)).value(), std::logic_error);
    const auto async = compose(fallback([]() -> task<int> {
      throw std::logic_error("mine");
      co_return 1;
    }));
    EXPECT_THROW((void)(co_await async.run(bad)).value(), std::logic_error);
  });
}

TEST(Fallback, AnswersOnlyWhenItIsWanted) {
  simulate([]() -> task<> {
    const auto stack = compose(fallback(7).when([](const outcome<int>& o) {
      return o.has_value() && o.value() == 1 ? verdict::failure : verdict::success;
    }));
    EXPECT_EQ(co_await stack(good), 7);
    EXPECT_TRUE((co_await stack.run(bad)).has_error());
  });
}

TEST(Fallback, HasNoAnswerToACancellation) {
  simulate([]() -> task<> {
    const auto o = co_await compose(fallback(7)).run([]() -> task<int> {
      throw cancelled_error();
      co_return 1;
    });
    EXPECT_THROW((void)o.value(), cancelled_error);
    EXPECT_FALSE(co_await try_for(1ms, compose(fallback(7))(slow)));
  });
}

TEST(Fallback, UnderATotalTimeoutIsPartOfTheTotal) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    const auto inside = compose(total_timeout(1s), fallback([] { return slow(); }));
    EXPECT_TRUE((co_await inside.run(bad)).code() == timeout_cause::total);
    EXPECT_EQ(this_loop().now() - before, 1s);
    EXPECT_TRUE((co_await inside.run(slow)).code() == timeout_cause::total);
    EXPECT_EQ(this_loop().now() - before, 2s);
    EXPECT_EQ(co_await compose(fallback(7), total_timeout(1s))(slow), 7);
  });
}

TEST(Fallback, MayBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor_kind::simulated, []() -> task<int> {
    const auto stack = compose(total_timeout(1min), fallback([] { return timeout(2h, slow); }),
                               retry().backoff(backoff::constant(1ms)));
    co_return (co_await stack.run(bad)).has_value() ? 1 : 0;
  });
  EXPECT_GE(n.at_rest, 4U);
}

TEST(Fallback, DoesNotStandInsideWhatLooksAtFailures) {
  circuit_breaker breaker;
  const auto refusal = [](auto&&... p) -> std::string {
    try {
      (void)compose(std::forward<decltype(p)>(p)...);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(breaker, fallback(1)),
            "compose: fallback stands inside circuit_breaker, which would never see a failure: put "
            "it outside");
  EXPECT_NE(refusal(retry(), fallback(1)), "");
  EXPECT_EQ(refusal(fallback(1), retry(), breaker), "");
}

}  // namespace fallback_test
