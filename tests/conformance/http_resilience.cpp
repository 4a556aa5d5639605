// The recommended policies end to end, and JSON.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/json.hpp>
#include <rondo/http/resilience.hpp>
#include <rondo/patterns/rejection.hpp>

#include <algorithm>
#include <optional>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using breaker_state = circuit_breaker::state;

namespace {

// Answers the statuses in turn, then 200.
struct scripted {
  http::server server;
  std::vector<int> statuses;
  std::string retry_after;
  std::size_t asked = 0;

  scripted() {
    for (const char* method : {"GET", "POST", "PUT"})
      server.route(method, "/", [this](server_request& r) -> task<server_response> {
        co_await r.text();
        const int status = asked < statuses.size() ? statuses[asked] : 200;
        ++asked;
        server_response answer(status);
        if (!retry_after.empty() && status >= 400) answer.header("Retry-After", retry_after);
        co_return answer;
      });
  }
};

http::resilience_options quick() {
  return http::resilience_options().backoff(backoff::constant(1ms));
}

}  // namespace

EVERY_VERSION(HttpResilience, TriesAgainWhatMayBeTriedAgain) {
  scripted s;
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick());
    http::client c(spoken().policy(p));
    s.statuses = {503, 502};
    EXPECT_EQ((co_await c.get(at + "/")).status(), 200);
    EXPECT_EQ(s.asked, 3U);
    s.asked = 0;
    s.statuses = {503, 503, 503};
    EXPECT_EQ((co_await c.get(at + "/")).status(), 503);  // the last answer
    EXPECT_EQ(s.asked, 3U);
    s.asked = 0;
    s.statuses = {404};
    EXPECT_EQ((co_await c.get(at + "/")).status(), 404);
    EXPECT_EQ(s.asked, 1U);
    EXPECT_EQ(p->counts().retries, 4U);
    EXPECT_EQ(p->counts().calls, 3U);

    auto q = http::standard_policies(quick());
    http::client d(spoken().policy(q));
    s.asked = 0;
    s.statuses = {503};
    EXPECT_EQ((co_await d.post(at + "/", "x")).status(), 503);  // POST may have been done
    EXPECT_EQ(s.asked, 1U);
    s.asked = 0;
    int taken = 0;
    http::response once =
        co_await d.send(http::request("PUT", at + "/").body(counted_body("x", 1, taken)));
    EXPECT_EQ(once.status(), 503);  // its body goes once
    EXPECT_EQ(s.asked, 1U);
    EXPECT_EQ(q->counts().retries, 0U);
    EXPECT_EQ(q->counts().budget_spent, 0U);
    EXPECT_EQ(q->counts().calls, 2U);
  });
  const unserved_port port;
  auto p = http::standard_policies(quick());
  http::client c(spoken().policy(p));
  EXPECT_TRUE(co_await caught<http::connect_error>(c.post(origin_of(port.at()), "x")));
  EXPECT_EQ(p->counts().retries, 2U);  // nobody had seen it
}

EVERY_VERSION(HttpResilience, WaitsAsLongAsTheServerSaysAndNoLonger) {
  scripted s;
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick().longest_retry_after(2s));
    http::client c(spoken().policy(p));
    s.statuses = {429};
    s.retry_after = "3";
    EXPECT_EQ((co_await c.get(at + "/")).status(), 429);
    EXPECT_EQ(s.asked, 1U);
    s.asked = 0;
    s.retry_after = "99999999999999999999";
    EXPECT_EQ((co_await c.get(at + "/")).status(), 429);
    s.asked = 0;
    s.retry_after = "2";
    http::client hurried(spoken().policy(p).total_timeout(1500ms));  // it would come too late
    EXPECT_EQ((co_await hurried.get(at + "/")).status(), 429);
    EXPECT_EQ(s.asked, 1U);
    if (reactor != reactor_kind::simulated) co_return;  // seconds of the virtual clock
    s.asked = 0;
    const auto start = this_loop().now();
    EXPECT_EQ((co_await c.get(at + "/")).status(), 200);
    EXPECT_GE(this_loop().now() - start, 2s);
    s.asked = 0;
    s.retry_after = "Thu, 01 Jan 1970 00:00:00 GMT";
    EXPECT_EQ((co_await c.get(at + "/")).status(), 200);
  });
}

EVERY_VERSION(HttpResilience, HasABreakerForEachOrigin) {
  scripted bad;
  scripted good;
  bad.statuses.assign(100, 500);
  co_await with_server(bad.server, [&](std::string at_bad, endpoint) -> task<> {
    co_await with_server(good.server, [&](std::string at_good, endpoint) -> task<> {
      auto p = http::standard_policies(quick().consecutive_failures(3).open_for(1h));
      http::client c(spoken().policy(p));
      for (int i = 0; i < 3; ++i) EXPECT_EQ((co_await c.get(at_bad + "/")).status(), 500);
      EXPECT_EQ(p->state_of(at_bad), breaker_state::open);
      const auto refused = co_await caught<rejected>(c.get(at_bad + "/"));
      EXPECT_TRUE(refused && refused->reason() == rejection_reason::circuit_open);
      EXPECT_EQ(bad.asked, 3U);
      EXPECT_EQ((co_await c.get(at_good + "/")).status(), 200);
      EXPECT_EQ(p->state_of(at_good), breaker_state::closed);
      if (reactor != reactor_kind::simulated) co_return;  // an hour of the virtual clock
      bad.statuses.clear();
      co_await sleep_for(1h);
      EXPECT_EQ((co_await c.get(at_bad + "/")).status(), 200);
      EXPECT_EQ(p->state_of(at_bad), breaker_state::closed);
    });
  });
}

EVERY_VERSION(HttpResilience, ADateFarAwayIsNotWaitedForAndOneThatHasPassedIsNoReason) {
  scripted s;
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    for (const char* far : {"Sat, 01 Jan 2400 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
                            "99999999999999999999", "86400"}) {
      http::client c(spoken().policy(http::standard_policies(quick())));
      s.asked = 0;
      s.statuses = {503, 503};
      s.retry_after = far;
      EXPECT_EQ((co_await c.get(at + "/")).status(), 503) << far;
      EXPECT_EQ(s.asked, 1U) << far;
    }
    for (const char* past :
         {"Mon, 01 Jan 1601 00:00:00 GMT", "Fri, 01 Jan 1700 00:00:00 GMT",
          "Thu Jan  1 00:00:00 1970", "Thu, 01 Jan 1970 00:00:00 GMT", "0", "never", "-1"}) {
      http::client c(spoken().policy(
          http::standard_policies(http::resilience_options().backoff(backoff::constant(2ms)))));
      s.asked = 0;
      s.statuses = {503};
      s.retry_after = past;
      const auto start = this_loop().now();
      EXPECT_EQ((co_await c.get(at + "/")).status(), 200) << past;
      EXPECT_EQ(s.asked, 2U) << past;
      EXPECT_GE(this_loop().now() - start, 2ms) << past;
    }
  });
}

EVERY_VERSION(HttpResilience, ARejectionSaysWhatTheLastFailureWas) {
  const unserved_port port;
  const std::string dead = origin_of(port.at());
  http::client c(spoken().policy(http::standard_policies(quick())));
  EXPECT_TRUE(co_await caught<http::connect_error>(c.get(dead + "/first")));
  const auto e = co_await caught<http::error>(c.get(dead + "/second"));
  EXPECT_TRUE(e);
  if (e) {
    EXPECT_NE(std::string_view(e->what()).find("Connection refused"), std::string_view::npos)
        << e->what();
    EXPECT_EQ(e->url(), dead + "/second");
  }
  const auto r = co_await caught<rejected>(c.get(dead + "/third"));
  EXPECT_TRUE(r && r->reason() == rejection_reason::circuit_open && r->retry_after() > 50s);
  const auto whole = co_await caught<http::rejected_error>(c.get(dead + "/fourth"));
  EXPECT_TRUE(whole && whole->last_failure());
  EXPECT_TRUE(co_await caught<std::runtime_error>(c.get(dead + "/fifth")));
  const auto o = co_await as_result(c.get(dead + "/sixth"));
  const auto why = rejection::of(o);
  EXPECT_TRUE(why && why->reason == rejection_reason::circuit_open);

  scripted bad;
  bad.statuses.assign(100, 500);
  co_await with_server(bad.server, [&](std::string at, endpoint) -> task<> {
    for (int i = 0; i < 5; ++i) EXPECT_EQ((co_await c.get(at + "/")).status(), 500);
    const auto answered = co_await caught<http::rejected_error>(c.get(at + "/"));
    EXPECT_TRUE(answered && !answered->last_failure());
    if (answered) {
      EXPECT_NE(std::string_view(answered->what()).find("the server answered 500"),
                std::string_view::npos);
    }
  });
}

EVERY_VERSION(HttpResilience, RetriesNoMoreThanItsBudget) {
  scripted s;
  s.statuses.assign(1000, 429);
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick());
    http::client c(spoken().policy(p));
    for (int i = 0; i < 20; ++i) co_await c.get(at + "/");
    // Of ten tokens each failure takes one, and the fifth leaves half: the first request is sent
    // three times, the second twice.
    EXPECT_EQ(p->counts().retries, 3U);
    EXPECT_EQ(s.asked, 23U);
    EXPECT_EQ(p->counts().budget_spent, 19U);
  });
}

EVERY_VERSION(HttpResilience, AnAnswerThatIsNotTheLastGivesItsConnectionBack) {
  http::server server;
  int asked = 0;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    co_return server_response::text(std::string(1 << 20, 'x'), ++asked < 3 ? 503 : 200);
  });
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(spoken().max_connections(1).policy(http::standard_policies(quick())));
    EXPECT_EQ((co_await c.get(at + "/")).status(), 200);
    EXPECT_EQ(asked, 3);
  });
}

EVERY_VERSION(HttpResilience, KnowsNoMoreOriginsThanItMay) {
  scripted bad;
  scripted good;
  bad.statuses.assign(100, 500);
  co_await with_server(bad.server, [&](std::string at_bad, endpoint) -> task<> {
    co_await with_server(good.server, [&](std::string at_good, endpoint) -> task<> {
      auto p = http::standard_policies(quick().consecutive_failures(1).max_origins(1));
      http::client c(spoken().policy(p));
      EXPECT_EQ((co_await c.get(at_good + "/")).status(), 200);
      EXPECT_EQ((co_await c.get(at_bad + "/")).status(), 500);  // the other one goes
      EXPECT_EQ(p->state_of(at_bad), breaker_state::open);
      for (int i = 0; i < 3; ++i) EXPECT_EQ((co_await c.get(at_good + "/")).status(), 200);
      good.statuses.assign(100, 503);
      good.asked = 0;
      // An open one does not go: for this one a request has a breaker for itself alone.
      for (int i = 0; i < 2; ++i)
        EXPECT_TRUE(co_await caught<http::rejected_error>(c.get(at_good + "/")));
      EXPECT_EQ(good.asked, 2U);
      EXPECT_TRUE(co_await caught<http::rejected_error>(c.get(at_bad + "/")));
      EXPECT_EQ(bad.asked, 1U);
    });
  });
}

EVERY_VERSION_RUNS(HttpResilience, LeavesNothingWhereverItIsCancelled) {
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(spoken().policy(http::standard_policies(quick())));
        scripted s;
        s.statuses = {503, 503};
        co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
          EXPECT_EQ((co_await c->get(at + "/")).status(), 200);
        });
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 6U);
}

EVERY_VERSION(HttpJson, GoesOutAndComesBack) {
  http::server server;
  server.route("POST", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::json(co_await r.text());
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c(spoken());
    const nlohmann::json value{{"name", "x"}, {"list", {1, 2, 3}}};
    http::response r = co_await c.send(http::json_body(http::request("POST", at + "/"), value));
    EXPECT_EQ(r.headers().get("content-type"), "application/json");
    const nlohmann::json back = co_await http::read_json(r);
    EXPECT_EQ(back, value);
    http::response bad = co_await c.send(http::request("POST", at + "/").body("{"));
    EXPECT_TRUE(co_await caught<nlohmann::json::parse_error>(http::read_json(bad)));
  });
}

namespace {

// The first request of each method is never answered, the others at once.
struct slow_once {
  http::server server;
  std::vector<std::string> asked;
  event never;

  slow_once() {
    for (const char* method : {"GET", "PUT"})
      server.route(method, "/", [this](server_request& r) -> task<server_response> {
        const bool first = std::ranges::find(asked, r.method()) == asked.end();
        asked.push_back(r.method());
        if (first) co_await never.wait();
        co_return server_response::text(std::to_string(asked.size()));
      });
  }
};

}  // namespace

EVERY_VERSION(HttpHedge, SendsASlowRequestTwiceAndTakesTheFirstAnswer) {
  slow_once s;
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick().hedge_after(20ms));
    http::client c(spoken().policy(p));
    EXPECT_EQ(co_await get_text(c, at + "/"), "2");
    EXPECT_EQ(p->counts().hedged, 1U);
    EXPECT_EQ(p->counts().retries, 0U);
    EXPECT_EQ(c.open_connections(), 1U);  // the loser's is closed
    if (speaks_http2()) co_await expect_given_up(c);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
  EXPECT_EQ(s.asked.size(), 2U);
}

EVERY_VERSION(HttpHedge, SendsNothingTwiceThatMayDoSomething) {
  slow_once s;
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick().hedge_after(0ns).max_attempts(1));
    http::client c(spoken().policy(p));
    EXPECT_TRUE(co_await caught<http::timeout_error>(
        c.send(http::request("PUT", at + "/").body("x").timeout(20ms))));
    EXPECT_EQ(p->counts().hedged, 0U);
    const auto e = co_await caught<http::timeout_error>(
        c.send(http::request("GET", at + "/").body("x").timeout(20ms)));
    EXPECT_TRUE(e && e->phase() == http::phase::total);
    EXPECT_EQ(p->counts().hedged, 0U);
  });
  EXPECT_THROW(http::resilience_options().hedge_after(-1ns), std::invalid_argument);
}

EVERY_VERSION(HttpHedge, SendsATenthOfTheRequestsTwiceAndTenBesides) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    co_await sleep_for(5ms);
    co_return server_response::text("x");
  });
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick().hedge_after(1ms));
    http::client c(spoken().policy(p));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(co_await get_text(c, at + "/"), "x");
    EXPECT_LE(p->counts().hedged, 12U);
    if (reactor == reactor_kind::simulated) EXPECT_EQ(p->counts().hedged, 12U);
    EXPECT_EQ(p->counts().budget_spent, 0U);  // by retries
  });
}

EVERY_VERSION(HttpHedge, LeavesFailuresToTheRetries) {
  scripted s;
  co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
    auto p = http::standard_policies(quick().hedge_after(1h));
    http::client c(spoken().policy(p));
    s.statuses = {503};
    EXPECT_EQ((co_await c.get(at + "/")).status(), 200);
    EXPECT_EQ(p->counts().retries, 1U);
    const unserved_port port;
    const std::string gone = origin_of(port.at()) + "/";
    const auto e = co_await caught<http::connect_error>(c.get(gone));
    EXPECT_TRUE(e && e->url() == gone && e->phase() == http::phase::connect);
    EXPECT_EQ(p->counts().retries, 3U);
    EXPECT_EQ(p->counts().hedged, 0U);
  });
}

EVERY_VERSION_RUNS(HttpHedge, LeavesNothingWhereverItIsCancelled) {
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(spoken().policy(http::standard_policies(quick().hedge_after(100us))));
        slow_once s;
        co_await with_server(s.server, [&](std::string at, endpoint) -> task<> {
          EXPECT_EQ(co_await get_text(*c, at + "/"), "2");
        });
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 9U);
}
