// How a client connects when a guard or a tracer looks at each address: as quickly as without.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/runtime/simulated_world.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using http::trace_point;

namespace {

struct connect_log final : http::tracer {
  void on(const http::trace_event& e) override {
    if (e.what == trace_point::connecting) tried.emplace_back(e.text);
    connected += e.what == trace_point::connected;
  }
  std::vector<std::string> tried;
  int connected = 0;
};

void make_silent(const std::string& address) {
  this_simulation().address(address).connects_fail_with(ETIMEDOUT);
}

// Runs body(client) in a simulation where "host" has these addresses, beside a server at the last
// of them.
template <class Body>
task<> beside_a_host(std::vector<std::string> addresses, http::client_options options, Body body) {
  this_simulation().host("host", addresses);
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("here");
  });
  tcp_listener listener = tcp_listener::bind(endpoint(net::address::parse(addresses.back()), 80));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return server.serve(std::move(listener)); });
    http::client c(std::move(options));
    co_await body(c);
    g.cancel();
  });
}

}  // namespace

TEST(HttpConnect, RacesTheAddressesThatTheGuardAllows) {
  simulate([]() -> task<> {
    auto log = std::make_shared<connect_log>();
    std::vector<std::string> asked;
    std::vector<std::chrono::nanoseconds> when;
    const auto begun = this_loop().now();
    http::client_options o;
    o.trace(log).guard(http::make_guard([&](const endpoint& to) {
      asked.push_back(to.to_string());
      when.push_back(this_loop().now() - begun);
      return to != endpoint::parse("10.0.0.1:80");
    }));
    co_await beside_a_host({"2001:db8::1", "10.0.0.1", "10.0.0.2"}, std::move(o),
                           [&](http::client& c) -> task<> {
                             make_silent("2001:db8::1");
                             EXPECT_EQ(co_await get_text(c, "http://host/"), "here");
                           });
    EXPECT_EQ(asked, (std::vector<std::string>{"[2001:db8::1]:80", "10.0.0.1:80", "10.0.0.2:80"}));
    EXPECT_EQ(log->tried, (std::vector<std::string>{"[2001:db8::1]:80", "10.0.0.2:80"}));
    EXPECT_EQ(log->connected, 1);
    EXPECT_EQ(when.size(), 3U);
    if (when.size() == 3) {
      EXPECT_EQ(when[1] - when[0], 250ms);  // the silent one has had its time, and goes on
      EXPECT_EQ(when[2], when[1]);          // a refusal costs none
    }
  });
}

TEST(HttpConnect, NamesTheHostAndTheAddressesThatTheGuardRefuses) {
  simulate([]() -> task<> {
    co_await beside_a_host(
        {"2001:db8::1", "10.0.0.1"}, http::client_options().guard(http::public_addresses_only()),
        [](http::client& c) -> task<> {
          const auto e = co_await caught<http::connect_error>(c.get("http://host/"));
          EXPECT_TRUE(e);
          if (!e) co_return;
          EXPECT_EQ(e->code(), std::errc::permission_denied);
          EXPECT_NE(
              std::string(e->what()).find("host: the guard refuses [2001:db8::1]:80, 10.0.0.1:80"),
              std::string::npos)
              << e->what();
        });
  });
}

TEST(HttpConnect, TellsWhyTheAddressesFailedThatTheGuardAllows) {
  simulate([]() -> task<> {
    co_await beside_a_host(
        {"10.0.0.1", "10.0.0.2", "10.0.0.3"},
        http::client_options().guard(
            http::make_guard([](const endpoint& to) { return to.ip().to_string() == "10.0.0.2"; })),
        [](http::client& c) -> task<> {
          const auto e = co_await caught<http::connect_error>(c.get("http://host/"));
          EXPECT_TRUE(e && e->code() == std::errc::connection_refused);
        });
  });
}

// Of several addresses each may have failed in its own way: the code is the most telling one's,
// the name the URL's.
TEST(HttpConnect, NamesTheHostOfTheUrlWhenItsAddressesFail) {
  simulate([]() -> task<> {
    co_await beside_a_host(
        {"10.0.0.2", "10.0.0.3"}, http::client_options(), [](http::client& c) -> task<> {
          const auto e = co_await caught<http::connect_error>(c.get("http://host:81/"));
          EXPECT_TRUE(e && e->code() == std::errc::connection_refused);
          const std::string said = e ? e->what() : "";
          EXPECT_NE(said.find("host:81"), std::string::npos) << said;
          EXPECT_EQ(said.find("10.0.0."), std::string::npos) << said;
        });
  });
}

EVERY_VERSION(HttpConnect, AsksTheGuardForEachConnectionAnew) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("here");
  });
  co_await with_server(server, [](std::string, endpoint here) -> task<> {
    const std::string url = "http://localhost:" + std::to_string(here.port()) + "/";
    int asked = 0;
    bool open = true;
    http::client c(spoken().guard(http::make_guard([&](const endpoint& to) {
      ++asked;
      return open && to.ip().is_v4();
    })));
    EXPECT_EQ(co_await get_text(c, url), "here");
    const int before = asked;
    EXPECT_GT(before, 0);
    EXPECT_EQ(co_await get_text(c, url), "here");  // on the connection that is there
    EXPECT_EQ(asked, before);
    c.close_idle();
    open = false;
    EXPECT_TRUE(co_await caught<http::connect_error>(c.get(url)));
    EXPECT_GT(asked, before);
  });
}

EVERY_VERSION(HttpConnect, PassesWhatTheGuardThrows) {
  struct no_decision {};
  http::client c(
      spoken().guard(http::make_guard([](const endpoint&) -> bool { throw no_decision(); })));
  EXPECT_TRUE(co_await caught<no_decision>(c.get("http://localhost:1/")));
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION_RUNS(HttpConnect, GuardedLeavesNothingWhereverItIsCancelled) {
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        http::server server;
        server.route("GET", "/", [](server_request&) -> task<server_response> {
          co_return server_response::text("here");
        });
        co_await with_server(server, [](std::string, endpoint here) -> task<> {
          http::client c(
              spoken()
                  .trace(std::make_shared<connect_log>())
                  .guard(http::make_guard([](const endpoint& to) { return to.ip().is_v4(); })));
          EXPECT_EQ(co_await get_text(c, "http://localhost:" + std::to_string(here.port()) + "/"),
                    "here");
        });
      },
      [] { wait_for_abandoned_lookups(); });
  EXPECT_GE(n.at_rest, 6U);
}

TEST(HttpConnect, RacesLeaveNothingWhereverTheyAreCancelled) {
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      []() -> task<> {
        co_await beside_a_host(
            {"2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2"},
            http::client_options().guard(http::make_guard(
                [](const endpoint& to) { return to.ip().to_string() != "10.0.0.1"; })),
            [](http::client& c) -> task<> {
              make_silent("2001:db8::1");
              this_simulation().address("2001:db8::2").latency(400ms, 400ms);
              EXPECT_EQ(co_await get_text(c, "http://host/"), "here");
            });
      },
      [] {});
  EXPECT_GE(n.at_rest, 8U);
}
