#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

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

// Writes down what it sees, under its name.
class witness : public policy<witness> {
 public:
  witness(std::string name, std::vector<std::string>& seen) : name_(std::move(name)), seen_(seen) {}
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  class layer {
   public:
    explicit layer(witness& w) : w_(w) {}
    admission enter(call_context&) {
      w_.seen_.push_back(w_.name_ + " in");
      return admission::go();
    }
    template <class T>
    void leave(call_context&, outcome<T>& r) {
      w_.seen_.push_back(w_.name_ + (r.has_value()      ? " value"
                                     : r.is_cancelled() ? " cancelled"
                                                        : " error"));
    }

   private:
    witness& w_;
  };

 private:
  std::string name_;
  std::vector<std::string>& seen_;
};

// Waits before each call.
class slow_entry : public policy<slow_entry> {
 public:
  class layer {
   public:
    explicit layer(const slow_entry&) {}
    admission enter(call_context&) { return admission::wait(sleep_.emplace(nanoseconds(5ms))); }

   private:
    using nanoseconds = std::chrono::nanoseconds;
    std::optional<detail::sleep_wait> sleep_;

   public:
    template <class T>
    void leave(call_context&, outcome<T>&) {}
  };
};

// Makes the call twice, one after the other: not a layer.
struct twice {
  template <class F>
  task<outcome<detail::call_value_t<F>>> run(F fn) const {
    (void)co_await as_result(fn());
    co_return detail::flatten(co_await as_result(fn()));
  }
};

using lines = std::vector<std::string>;

}  // namespace

TEST(Compose, TheFirstPolicyIsTheOutermost) {
  simulate([]() -> task<> {
    lines seen;
    witness a("a", seen), b("b", seen);
    const auto stack = compose(a, b);
    EXPECT_EQ((co_await stack.run(good)).value(), 1);
    EXPECT_EQ(seen, (lines{"a in", "b in", "b value", "a value"}));
  });
}

TEST(Compose, RetryMakesWhatIsInsideOfItAgain) {
  simulate([]() -> task<> {
    lines seen;
    witness a("a", seen), b("b", seen);
    const auto stack = compose(a, retry().max_attempts(2).backoff(backoff::constant(10ms)), b);
    const auto before = this_loop().now();
    EXPECT_TRUE((co_await stack.run(bad)).has_error());
    EXPECT_EQ(seen, (lines{"a in", "b in", "b error", "b in", "b error", "a error"}));
    EXPECT_EQ(this_loop().now() - before, 10ms);
  });
}

TEST(Compose, ARefusalIsSeenByThePoliciesOutsideOnly) {
  simulate([]() -> task<> {
    lines seen;
    witness a("a", seen), b("b", seen);
    circuit_breaker breaker;
    auto held = breaker.isolate();
    const auto stack = compose(a, breaker, b);
    EXPECT_TRUE((co_await stack.run(good)).code() == rejection_reason::isolated);
    EXPECT_EQ(seen, (lines{"a in", "a error"}));
    bool caught = false;
    try {
      co_await stack(good);
    } catch (const rejected& r) {
      caught = r.reason() == rejection_reason::isolated;
    }
    EXPECT_TRUE(caught);
  });
}

TEST(Compose, APolicyMayWaitBeforeTheCall) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    const auto stack = compose(slow_entry(), slow_entry());
    EXPECT_EQ(co_await stack(good), 1);
    EXPECT_EQ(this_loop().now() - before, 10ms);
  });
}

TEST(Compose, APolicyThatIsNotALayerCallsWhatIsInside) {
  simulate([]() -> task<> {
    lines seen;
    witness a("a", seen), b("b", seen);
    const auto stack = compose(a, twice(), b);
    EXPECT_EQ((co_await stack.run([](int n) -> task<int> { co_return n; }, 7)).value(), 7);
    EXPECT_EQ(seen, (lines{"a in", "b in", "b value", "b in", "b value", "a value"}));
    EXPECT_EQ(co_await compose(twice())(good), 1);
  });
}

TEST(Compose, AStackInAStackIsOneStack) {
  simulate([]() -> task<> {
    lines seen;
    witness a("a", seen), b("b", seen), c("c", seen);
    const auto inner = compose(b, c);
    EXPECT_EQ(co_await compose(a, inner)(good), 1);
    EXPECT_EQ(seen, (lines{"a in", "b in", "c in", "c value", "b value", "a value"}));
  });
}

TEST(Compose, ATemporaryStackLivesInItsCall) {
  simulate([]() -> task<> {
    auto one = compose(retry(), twice()).run(good);
    auto other = compose(retry(), attempt_timeout(1s))(good);
    EXPECT_EQ((co_await std::move(one)).value(), 1);
    EXPECT_EQ(co_await std::move(other), 1);
  });
}

TEST(Compose, TheTotalTimeoutEndsWhateverIsGoingOn) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    lines seen;
    witness a("a", seen), b("b", seen);
    const auto stack = compose(a, total_timeout(1s), retry(), b);
    const auto o = co_await stack.run(slow);
    EXPECT_TRUE(o.code() == timeout_cause::total);
    EXPECT_TRUE(o.code() == std::errc::timed_out);
    EXPECT_EQ(this_loop().now() - before, 1s);
    EXPECT_EQ(seen, (lines{"a in", "b in", "b cancelled", "a error"}));
  });
}

TEST(Compose, AnAttemptsTimeoutIsAFailureThatIsRetried) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    const auto stack =
        compose(total_timeout(1min), retry().max_attempts(3).backoff(backoff::constant(10ms)),
                attempt_timeout(1s));
    const auto o = co_await stack.run(slow);
    EXPECT_TRUE(o.code() == timeout_cause::attempt);
    EXPECT_EQ(this_loop().now() - before, 3s + 20ms);
    try {
      co_await stack(slow);
    } catch (const call_timed_out& e) {
      EXPECT_EQ(e.cause(), timeout_cause::attempt);
    }
  });
}

TEST(Compose, NothingIsSleptPastTheTotalDeadline) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    const auto stack =
        compose(total_timeout(25ms), retry().max_attempts(9).backoff(backoff::constant(10ms)));
    const auto o = co_await stack.run(bad);  // at 0, 10 and 20 ms; the next would be at 30
    EXPECT_THROW((void)o.value(), std::runtime_error);
    EXPECT_EQ(this_loop().now() - before, 20ms);
  });
}

TEST(Compose, NothingIsSleptPastACallersTimeout) {
  simulate([]() -> task<> {
    const auto before = this_loop().now();
    const auto stack = compose(retry().max_attempts(9).backoff(backoff::constant(10ms)));
    const auto o = co_await timeout(25ms, stack.run(bad));
    EXPECT_TRUE(o.has_error());
    EXPECT_EQ(this_loop().now() - before, 20ms);
  });
}

TEST(Compose, ACallMayBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor_kind::simulated, []() -> task<int> {
    circuit_breaker breaker;  // its destructor refuses a permit that is still out
    const auto stack = compose(total_timeout(30s), retry().backoff(backoff::constant(10ms)),
                               breaker, slow_entry(), attempt_timeout(10s));
    int calls = 0;
    co_return co_await stack([&]() -> task<int> {
      co_await sleep_for(1ms);
      if (++calls < 3) throw std::runtime_error("bad");
      co_return 1;
    });
  });
  EXPECT_GT(n.at_rest, 8U);
}

#ifndef RONDO_TEST_SANITIZED
TEST(Compose, AllocatesNothingWhenAllIsWell) {
  simulate([]() -> task<> {
    circuit_breaker breaker;
    const auto stack = compose(total_timeout(30s), retry(), breaker, attempt_timeout(10s));
    co_await stack(good);
    (void)co_await stack.run(good);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) {
      co_await stack(good);
      (void)co_await stack.run(good);
    }
    EXPECT_EQ(allocations(), before);
  });
}
#endif

namespace {

template <class... P>
std::string refusal(P&&... p) {
  try {
    (void)compose(std::forward<P>(p)...);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST(Compose, RefusesAStackThatCannotMeanWhatItSays) {
  circuit_breaker breaker;
  const auto total = total_timeout(5s);
  EXPECT_EQ(refusal(total, retry(), breaker, attempt_timeout(5s)), "");
  EXPECT_EQ(refusal(total, attempt_timeout(10s)),
            "compose: attempt_timeout (10 s) is longer than total_timeout (5 s) around it: it "
            "could never be reached");
  EXPECT_EQ(refusal(retry(), total),
            "compose: total_timeout stands inside retry, where it would start again with each "
            "attempt: put it outside, or use attempt_timeout");
  EXPECT_EQ(refusal(attempt_timeout(1s), retry()),
            "compose: attempt_timeout stands outside retry, where it would limit all attempts "
            "together: put it inside, or use total_timeout");
  EXPECT_EQ(refusal(attempt_timeout(1s), breaker),
            "compose: attempt_timeout stands outside circuit_breaker, which would never hear of a "
            "timeout: put it inside");
  EXPECT_EQ(refusal(attempt_timeout(1s), total),
            "compose: total_timeout stands inside attempt_timeout: an attempt is a part of the "
            "total, so put it outside");
  EXPECT_EQ(refusal(breaker, retry(), breaker),
            "compose: the same circuit_breaker stands in the stack twice: each call would count "
            "twice in it");
  EXPECT_EQ(refusal(retry(), breaker, retry()),
            "compose: two of retry: their calls multiply; keep one");
  EXPECT_EQ(refusal(total, total),
            "compose: two of total_timeout: the longer one would have no effect; keep one");
}

TEST(Timeouts, RefuseALimitThatNoCallCouldKeep) {
  EXPECT_THROW(attempt_timeout(0s), std::invalid_argument);
  try {
    (void)total_timeout(-1s);
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(),
                 "total_timeout: the limit is negative, so no call could ever end in time");
  }
}
