#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

task<int> good() { co_return 1; }
task<int> bad() {
  throw std::runtime_error("bad");
  co_return 1;
}
circuit_breaker fragile(const std::string&) {
  return circuit_breaker(circuit_breaker::options().consecutive_failures(1).open_for(60s));
}

}  // namespace

TEST(Keyed, EachKeyHasAPolicyOfItsOwn) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(10, fragile);
    (void)co_await breakers.run("a", bad);
    EXPECT_TRUE((co_await breakers.run("a", good)).code() == rejection_reason::circuit_open);
    EXPECT_EQ((co_await breakers.run("b", good)).value(), 1);
    EXPECT_EQ(co_await breakers(std::string_view("b"), good), 1);
    EXPECT_EQ(breakers.size(), 2U);
  });
}

TEST(Keyed, MakeIsToldTheKeyAndAnyKeyWillDo) {
  simulate([]() -> task<> {
    std::vector<int> made;
    keyed<circuit_breaker, int> breakers(2, [&](int key) {
      made.push_back(key);
      return circuit_breaker();
    });
    EXPECT_EQ(co_await breakers(7, good), 1);
    EXPECT_EQ(co_await breakers(7, good), 1);
    EXPECT_EQ(co_await breakers(8, good), 1);
    EXPECT_EQ(made, (std::vector{7, 8}));
  });
}

TEST(Keyed, LookingMakesNoneAndDropsNone) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(1, fragile);
    EXPECT_FALSE(breakers.find("a"));
    EXPECT_EQ(breakers.size(), 0U);
    (void)co_await breakers.run("a", bad);
    EXPECT_FALSE(breakers.find("b"));
    EXPECT_EQ(breakers.find(std::string_view("a"))->current(), circuit_state::open);
    EXPECT_EQ(breakers.dropped(), 0U);
  });
}

TEST(Keyed, DropsTheLeastRecentlyUsedWhenFull) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(2);
    (void)co_await breakers.run("a", bad);
    (void)co_await breakers.run("b", bad);
    (void)co_await breakers.run("a", bad);
    (void)co_await breakers.run("c", bad);  // b goes
    EXPECT_EQ(breakers.size(), 2U);
    EXPECT_EQ(breakers.dropped(), 1U);
    EXPECT_EQ(breakers.get("a")->totals().failures, 2U);
    EXPECT_EQ(breakers.get("b")->totals().failures, 0U);
  });
}

TEST(Keyed, NeverDropsAnOpenOne) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(2, fragile);
    (void)co_await breakers.run("a", bad);
    (void)co_await breakers.run("b", good);
    (void)co_await breakers.run("c", good);  // b goes, though a was used before it
    EXPECT_EQ(breakers.get("a")->current(), circuit_state::open);
    (void)co_await breakers.run("c", bad);
    const auto full = co_await breakers.run("d", good);
    EXPECT_TRUE(full.code() == rejection_reason::limit_exceeded);
    EXPECT_FALSE(breakers.get("d"));
  });
}

TEST(Keyed, DropsAnOpenOneWhoseTimeIsOverWhenThereIsNoOther) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(2, fragile);
    (void)co_await breakers.run("a", bad);
    (void)co_await breakers.run("b", bad);
    co_await sleep_for(60s - 1ns);
    EXPECT_FALSE(breakers.get("c"));
    co_await sleep_for(1ns);
    EXPECT_TRUE(breakers.get("c"));
    EXPECT_EQ(breakers.get("b")->current(), circuit_state::open);
  });
}

TEST(Keyed, NeverDropsOneInUse) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(2);
    auto handle = breakers.get("a");
    auto call = breakers.run("b", [&]() -> task<int> {
      EXPECT_FALSE(breakers.get("c"));
      co_return 1;
    });
    auto copy = handle;
    handle = {};
    EXPECT_TRUE((co_await std::move(call)).has_value());
    EXPECT_TRUE(breakers.get("c"));  // b goes
    EXPECT_EQ(&*breakers.get("a"), &*copy);
  });
}

TEST(Keyed, AHandleStandsInAStack) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(2);
    auto breaker = breakers.get("a");
    EXPECT_EQ(co_await compose(retry(), *breaker, attempt_timeout(1s))(good), 1);
    EXPECT_EQ(breaker->totals().successes, 1U);
  });
}

TEST(Keyed, ACallMayBeCancelledAtEveryWait) {
  cancel_at_every_wait(reactor_kind::simulated, []() -> task<int> {
    keyed<circuit_breaker> breakers(1);
    co_return co_await breakers("a", []() -> task<int> {
      co_await sleep_for(1ms);
      co_return 1;
    });
  });
}

TEST(Keyed, RefusesToHaveNoRoom) {
  try {
    const keyed<circuit_breaker> none(0);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "keyed: a limit of 0 has no room for any policy");
  }
}

#ifndef RONDO_TEST_SANITIZED
TEST(Keyed, AllocatesNothingForAKeyThatIsThere) {
  simulate([]() -> task<> {
    keyed<circuit_breaker> breakers(2);
    constexpr std::string_view key = "a key that is longer than what fits into a small string";
    (void)co_await breakers.run(key, good);
    const auto before = allocations();
    for (int i = 0; i < 100; ++i) (void)co_await breakers.run(key, good);
    EXPECT_EQ(allocations(), before);
  });
}
#endif
