// The resolver over simulated name servers: slow, failing, and asked by many at a time.
#include <rondo/net/resolver.hpp>

#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime/simulated_world.hpp>

#include <gtest/gtest.h>

#include <netdb.h>

#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::resolver;
using net::resolver_options;

namespace {

// Every lookup takes 100 ms.
void make_slow_world() {
  simulated_world& world = this_simulation();
  world.host("a", {"10.0.0.1", "2001:db8::1", "10.0.0.2"}).host("b", {"10.0.1.1"});
  world.host("c", {"10.0.2.1"}).lookups(100ms, 100ms);
}

template <class Body>
void in_slow_world(Body body) {
  simulate([&]() -> task<> {
    make_slow_world();
    co_await body();
  });
}

std::error_code resolver_code(int code) { return {code, net::resolver_category()}; }

}  // namespace

TEST(Resolver, GivesTheAddressesInTheirOrderEachWithThePort) {
  in_slow_world([]() -> task<> {
    const std::vector expected{endpoint::parse("10.0.0.1:80"), endpoint::parse("[2001:db8::1]:80"),
                               endpoint::parse("10.0.0.2:80")};
    EXPECT_EQ(co_await net::resolve("a", 80), expected);
  });
}

TEST(Resolver, MakesOneLookupForAllWhoWantAName) {
  in_slow_world([]() -> task<> {
    resolver r;
    const auto begun = this_loop().now();
    int answered = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::uint16_t port = 1; port <= 5; ++port) {
        g.spawn([&, port]() -> task<> {
          const auto found = co_await r.resolve("a", port);
          answered += found.front().port() == port;
        });
        co_await sleep_for(10ms);
      }
    });
    EXPECT_EQ(answered, 5);
    EXPECT_EQ(r.lookups(), 1U);
    EXPECT_EQ(this_loop().now() - begun, 100ms);
  });
}

TEST(Resolver, KeepsAnAnswerForItsTimeAndNotLonger) {
  in_slow_world([]() -> task<> {
    resolver r(resolver_options().cache_time(10s));
    co_await r.resolve("a", 1);
    const auto kept_since = this_loop().now();
    co_await r.resolve("a", 1);
    EXPECT_EQ(this_loop().now(), kept_since);
    co_await sleep_for(10s - 1ns);
    co_await r.resolve("a", 1);
    EXPECT_EQ(r.lookups(), 1U);
    co_await sleep_for(1ns);
    co_await r.resolve("a", 1);
    EXPECT_EQ(r.lookups(), 2U);
    r.forget();
    co_await r.resolve("a", 1);
    EXPECT_EQ(r.lookups(), 3U);
  });
}

TEST(Resolver, KeepsNothingWhenItShallNot) {
  in_slow_world([]() -> task<> {
    resolver r(resolver_options().cache_time(0s));
    co_await r.resolve("a", 1);
    co_await r.resolve("a", 1);
    EXPECT_EQ(r.lookups(), 2U);
  });
}

TEST(Resolver, KeepsNoMoreNamesThanItMay) {
  in_slow_world([]() -> task<> {
    resolver r(resolver_options().max_cached(2));
    for (const char* name : {"a", "b"}) co_await r.resolve(name, 1);
    for (const char* name : {"a", "b"}) co_await r.resolve(name, 1);
    EXPECT_EQ(r.lookups(), 2U);
    co_await r.resolve("c", 1);  // "a" goes
    for (const char* name : {"b", "c"}) co_await r.resolve(name, 1);
    EXPECT_EQ(r.lookups(), 3U);
    co_await r.resolve("a", 1);
    EXPECT_EQ(r.lookups(), 4U);
  });
}

TEST(Resolver, DoesNotKeepAFailure) {
  in_slow_world([]() -> task<> {
    resolver r;
    for (int i = 0; i < 2; ++i) {
      const auto found = co_await as_result(r.resolve("nobody", 1));
      EXPECT_EQ(found.code(), resolver_code(EAI_NONAME));
    }
    EXPECT_EQ(r.lookups(), 2U);
  });
}

TEST(Resolver, TellsAllWhoWaitThatTheNameServerFailed) {
  in_slow_world([]() -> task<> {
    this_simulation().lookup_failures(1);
    int failed = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i)
        g.spawn([&]() -> task<> {
          const auto found = co_await as_result(net::resolve("a", 1));
          failed += found.code() == resolver_code(EAI_AGAIN);
        });
      co_return;
    });
    EXPECT_EQ(failed, 3);
  });
}

TEST(Resolver, LetsACancelledWaiterLeaveAtOnceAndServesTheOthers) {
  in_slow_world([]() -> task<> {
    resolver r;
    const auto begun = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto impatient = g.spawn([&]() -> task<> { co_await r.resolve("a", 1); });
      auto patient = g.spawn([&]() -> task<> { co_await r.resolve("a", 1); });
      co_await sleep_for(10ms);
      impatient.cancel();
      EXPECT_TRUE((co_await impatient.join()).is_cancelled());
      EXPECT_EQ(this_loop().now() - begun, 10ms);
      EXPECT_TRUE((co_await patient.join()).has_value());
      EXPECT_EQ(this_loop().now() - begun, 100ms);
    });
    EXPECT_EQ(r.lookups(), 1U);
  });
}

TEST(Resolver, KeepsTheAnswerOfALookupThatEveryoneHasLeft) {
  in_slow_world([]() -> task<> {
    resolver r;
    EXPECT_FALSE(co_await try_for(50ms, r.resolve("a", 1)));
    co_await sleep_for(50ms);
    const auto before = this_loop().now();
    co_await r.resolve("a", 1);
    EXPECT_EQ(this_loop().now(), before);
    EXPECT_EQ(r.lookups(), 1U);
  });
}

TEST(Resolver, MakesNoMoreLookupsAtATimeThanItMay) {
  in_slow_world([]() -> task<> {
    resolver r(resolver_options().max_lookups(2));
    const auto begun = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      for (const char* name : {"a", "b", "c"})
        g.spawn([&, name]() -> task<> { co_await r.resolve(name, 1); });
      co_return;
    });
    EXPECT_EQ(this_loop().now() - begun, 200ms);
  });
}

TEST(Resolver, AnswersWhatNeedsNoServerAtOnceWhileItsPlacesAreTaken) {
  in_slow_world([]() -> task<> {
    resolver r(resolver_options().max_lookups(1));
    co_await r.resolve("b", 1);  // is kept
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { co_await r.resolve("a", 1); });
      co_await yield_now();
      const auto before = this_loop().now();
      for (const char* name : {"localhost", "x.localhost.", "10.0.0.9", "10.9", "b"})
        EXPECT_EQ((co_await r.resolve(name, 1)).size(), 1U) << name;
      EXPECT_EQ(this_loop().now(), before);
    });
    EXPECT_EQ(r.lookups(), 2U);
  });
}

TEST(Resolver, AsksForLocalhostWhereTheWorldHasOneOfItsOwn) {
  in_slow_world([]() -> task<> {
    this_simulation().host("localhost", {"10.0.7.7"});
    EXPECT_EQ(co_await net::resolve("localhost", 1), std::vector{endpoint::parse("10.0.7.7:1")});
  });
}

TEST(Resolver, DropsALookupInLineThatNobodyWaitsForAnyMore) {
  in_slow_world([]() -> task<> {
    resolver r(resolver_options().max_lookups(1));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { co_await r.resolve("a", 1); });
      co_await yield_now();
      EXPECT_FALSE(co_await try_for(10ms, r.resolve("b", 1)));
    });
    co_await sleep_for(1s);
    EXPECT_EQ(r.lookups(), 1U);
  });
}

TEST(Resolver, MayGoWhileALookupRuns) {
  in_slow_world([]() -> task<> {
    std::optional<resolver> r(std::in_place);
    auto found = co_await try_for(1s, [&]() -> task<std::vector<endpoint>> {
      auto asking = r->resolve("a", 1);
      r.reset();
      co_return co_await std::move(asking);
    });
    EXPECT_TRUE(found);
    EXPECT_FALSE(co_await try_for(10ms, resolver().resolve("b", 1)));
  });
}

TEST(Resolver, IsOneForEachRun) {
  for (int i = 0; i < 2; ++i)
    in_slow_world([]() -> task<> {
      const auto begun = this_loop().now();
      co_await net::resolve("a", 1);
      EXPECT_EQ(this_loop().now() - begun, 100ms);
      EXPECT_EQ(net::loop_resolver().lookups(), 1U);
    });
}

// A service may look a name up while the loop ends, when no lookup can begin any more.
TEST(Resolver, TellsAWaiterThatTheLoopEnds) {
  std::error_code late;
  in_slow_world([&]() -> task<> {
    detail::this_core().run_service([](std::error_code& out) -> task<> {
      co_await finally(sleep_for(1h), [&]() -> task<> {
        out = (co_await as_result(net::resolve("a", 1))).code();
      });
    }(late));
    co_await sleep_for(1ms);
  });
  EXPECT_EQ(late, resolver_code(EAI_CANCELED));
}

TEST(Resolver, LeavesNothingWhereverItIsCancelled) {
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      []() -> task<> {
        make_slow_world();
        resolver r(resolver_options().max_lookups(1));
        co_await with_task_group([&](task_group& g) -> task<> {
          for (const char* name : {"a", "b", "a"})
            g.spawn([&, name]() -> task<> { co_await r.resolve(name, 1); });
          co_return;
        });
      },
      [] {});
  EXPECT_GE(n.at_rest, 4U);
}
