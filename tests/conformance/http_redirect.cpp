// Redirects end to end: two origins that record what they were sent, every code and method,
// credentials in every place, bodies of every kind, and the limits.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

struct seen {
  std::string method;
  std::string body;
  http::headers headers;
};

// An origin: /to?status=…&location=… redirects, and /end answers; both record what came.
struct origin {
  http::server server;
  std::vector<seen> requests;
  int status = 302;
  std::string location;

  origin() {
    for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH"}) {
      server.route(method, "/to", [this](server_request& r) -> task<server_response> {
        requests.push_back({std::string(r.method()), co_await r.text(), r.headers()});
        co_return server_response(status).header("Location", location);
      });
      server.route(method, "/end", [this](server_request& r) -> task<server_response> {
        requests.push_back({std::string(r.method()), co_await r.text(), r.headers()});
        co_return server_response::text("end");
      });
    }
    server.route("GET", "/loop", [this](server_request&) -> task<server_response> {
      co_return server_response(302).header("Location", location);
    });
  }
};

// Runs body(a, url of a, b, url of b) beside two origins.
template <class Body>
task<> with_origins(Body body) {
  origin a;
  origin b;
  co_await with_server(a.server, [&](std::string at_a, endpoint) -> task<> {
    co_await with_server(
        b.server, [&](std::string at_b, endpoint) -> task<> { co_await body(a, at_a, b, at_b); });
  });
}

bool has_secret(const http::headers& h) {
  return h.contains("Authorization") || h.contains("Cookie") || h.contains("Proxy-Authorization");
}

// "http://127.0.0.1:1" with userinfo.
std::string with_userinfo(std::string url) { return url.insert(7, "user:pass@"); }

}  // namespace

// 5 codes × 5 methods × the same or another origin × credentials in each place where they can be
// put.
EVERY_VERSION(HttpRedirect, MatrixOfCodesMethodsOriginsAndCredentials) {
  enum class place { header, cookie, basic, bearer, userinfo, proxy_header, defaults };
  co_await with_origins([](origin& a, std::string at_a, origin& b, std::string at_b) -> task<> {
    for (const int status : {301, 302, 303, 307, 308})
      for (const std::string method : {"GET", "HEAD", "POST", "PUT", "DELETE"})
        for (const bool other : {false, true})
          for (const place p : {place::header, place::cookie, place::basic, place::bearer,
                                place::userinfo, place::proxy_header, place::defaults}) {
            SCOPED_TRACE(std::to_string(status) + " " + method + (other ? " other" : " same") +
                         " place " + std::to_string(static_cast<int>(p)));
            a.requests.clear();
            b.requests.clear();
            a.status = status;
            a.location = other ? at_b + "/end" : "/end";
            http::client_options options = spoken();
            if (p == place::defaults)
              options.header("Authorization", "secret").header("Cookie", "s=1");
            http::client c(options);
            const std::string to = at_a + "/to";
            http::request r(method, p == place::userinfo ? with_userinfo(to) : to);
            if (p == place::header) r.header("Authorization", "secret");
            if (p == place::cookie) r.cookie("s", "1");
            if (p == place::basic) r.basic_auth("user", "pass");
            if (p == place::bearer) r.bearer_auth("secret");
            if (p == place::proxy_header) r.header("Proxy-Authorization", "secret");
            const bool with_body = method == "POST" || method == "PUT";
            if (with_body) r.json("{}");
            http::response done = co_await c.send(std::move(r));
            co_await done.text();

            std::string expected = method;
            if (status == 303 && method != "HEAD") expected = "GET";
            if (status <= 302 && method == "POST") expected = "GET";
            EXPECT_EQ(done.status(), 200);
            EXPECT_EQ(done.url().href(), (other ? at_b : at_a) + "/end");
            EXPECT_EQ(done.history().size(), 1U);
            if (done.history().empty()) co_return;
            EXPECT_EQ(done.history()[0].status, status);
            EXPECT_EQ(done.history()[0].method, method);
            EXPECT_EQ(done.history()[0].headers.get("location"), a.location);
            const std::vector<seen>& at_end = other ? b.requests : a.requests;
            EXPECT_EQ(at_end.size(), other ? 1U : 2U);
            if (at_end.empty() || a.requests.empty()) co_return;
            EXPECT_TRUE(has_secret(a.requests[0].headers));
            const seen& last = at_end.back();
            EXPECT_EQ(last.method, expected);
            EXPECT_EQ(has_secret(last.headers), !other);
            const bool kept_body = with_body && expected == method;
            EXPECT_EQ(last.body, kept_body ? "{}" : "");
            EXPECT_EQ(last.headers.contains("Content-Type"), kept_body);
          }
  });
}

EVERY_VERSION(HttpRedirect, RestoresNoSecretOnTheWayBack) {
  co_await with_origins([](origin& a, std::string at_a, origin& b, std::string at_b) -> task<> {
    a.location = at_b + "/to";
    b.location = at_a + "/end";
    http::client c(spoken().header("Cookie", "d=1"));
    http::request r("GET", with_userinfo(at_a + "/to"));
    http::response done = co_await c.send(std::move(r.cookie("s", "1")));
    EXPECT_EQ(co_await done.text(), "end");
    EXPECT_EQ(done.history().size(), 2U);
    EXPECT_EQ(a.requests.size(), 2U);
    EXPECT_EQ(b.requests.size(), 1U);
    if (a.requests.size() != 2 || b.requests.size() != 1) co_return;
    EXPECT_TRUE(has_secret(a.requests[0].headers));
    EXPECT_FALSE(has_secret(b.requests[0].headers));
    EXPECT_FALSE(has_secret(a.requests[1].headers));
  });
}

EVERY_VERSION(HttpRedirect, FollowsTenAndNoMoreUnlessTold) {
  http::server server;
  server.route("GET", "/{n}", [](server_request& r) -> task<server_response> {
    const int n = std::stoi(std::string(r.param("n")));
    if (n == 0) co_return server_response::text("end");
    co_return server_response(302).header("Location", "/" + std::to_string(n - 1));
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c(spoken());
    EXPECT_EQ(co_await get_text(c, at + "/10"), "end");
    const auto e = co_await caught<http::too_many_redirects>(c.get(at + "/11"));
    EXPECT_TRUE(e && e->limit() == 10 && e->phase() == http::phase::redirect);
    http::response first = co_await c.send(http::request("GET", at + "/1").follow(0));
    EXPECT_EQ(first.status(), 302);
    EXPECT_TRUE(first.history().empty());
    const auto e2 = co_await caught<http::too_many_redirects>(
        c.send(http::request("GET", at + "/3").follow(2)));
    EXPECT_TRUE(e2);
    http::client far(spoken().follow(20));
    http::response r = co_await far.get(at + "/20");
    EXPECT_EQ(r.history().size(), 20U);
    EXPECT_EQ(c.open_connections(),
              1U);  // the redirects' bodies were at hand: one connection did it all
  });
}

EVERY_VERSION(HttpRedirect, SendsABodyAgainThatCanBeAndSaysSoWhenItCannot) {
  co_await with_origins([](origin& a, std::string at_a, origin& b, std::string at_b) -> task<> {
    a.status = 307;
    a.location = at_b + "/end";
    http::client c(spoken());
    const std::string large = pattern(100'000);
    http::response r = co_await c.put(at_a + "/to", large);
    EXPECT_EQ(r.status(), 200);
    EXPECT_TRUE(b.requests.back().body == large);

    int opened = 0;
    int taken = 0;
    co_await c.send(http::request("PUT", at_a + "/to").body(http::repeatable_body([&] {
      ++opened;
      taken = 0;
      return counted_body("piece", 3, taken);
    })));
    EXPECT_EQ(opened, 2);
    EXPECT_EQ(b.requests.back().body, "piecepiecepiece");

    taken = 0;
    const std::size_t before = b.requests.size();
    const auto e = co_await caught<http::body_error>(
        c.send(http::request("PUT", at_a + "/to").body(counted_body("piece", 3, taken))));
    EXPECT_TRUE(e);
    if (!e) co_return;
    EXPECT_EQ(e->why(), http::body_error::reason::not_repeatable);
    EXPECT_NE(std::string(e->what()).find("once"), std::string::npos) << e->what();
    EXPECT_EQ(b.requests.size(), before);

    // 303 does not ask for it.
    a.status = 303;
    taken = 0;
    http::response see_other =
        co_await c.send(http::request("PUT", at_a + "/to").body(counted_body("piece", 3, taken)));
    EXPECT_EQ(see_other.status(), 200);
  });
}

EVERY_VERSION(HttpRedirect, NamesWhatItDoesNotFollow) {
  co_await with_origins([](origin& a, std::string at_a, origin&, std::string) -> task<> {
    http::client c(spoken());
    for (const char* location : {"ftp://x/", "http://[", "javascript:1"}) {
      a.location = location;
      const auto e = co_await caught<http::redirect_error>(c.get(at_a + "/to"));
      EXPECT_TRUE(e) << location;
      if (!e) co_return;
      EXPECT_EQ(e->phase(), http::phase::redirect);
      EXPECT_EQ(e->url(), at_a + "/to");
    }
    a.location = at_a + "/loop";
    EXPECT_TRUE(co_await caught<http::too_many_redirects>(c.get(at_a + "/loop")));
  });
}

EVERY_VERSION(HttpRedirect, IsOneExchangeForTheTotalTimeout) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    co_await sleep_for(20ms);
    co_return server_response(302).header("Location", "/");
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c(spoken().total_timeout(50ms).follow(1000));
    const auto e = co_await caught<http::timeout_error>(c.get(at + "/"));
    EXPECT_TRUE(e && e->phase() == http::phase::total);
    co_await expect_given_up(c);
  });
}

// Every wait of a request with a redirect and a body, cancelled at every moment.
EVERY_VERSION_RUNS(CancelExchange, PostThroughARedirect) {
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(spoken().max_connections(1));
        co_await with_origins([&](origin& a, std::string at_a, origin&,
                                  std::string at_b) -> task<> {
          a.status = 307;
          a.location = at_b + "/end";
          http::response r =
              co_await c->send(http::request("POST", at_a + "/to").body(http::repeatable_body([] {
                return http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
                  if (n++ == 2) co_return std::nullopt;
                  co_await yield_now();
                  co_return "piece";
                });
              })));
          EXPECT_EQ(co_await r.text(), "end");
        });
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 15U);
  EXPECT_GE(n.posted, 15U);
  EXPECT_GE(n.at_wake, 15U);
}
