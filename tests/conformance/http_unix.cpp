// HTTP over Unix sockets: abstract names, so that they are on every reactor.
#include "http/http_support.hpp"
#include "net/tls_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::phase;
using http::server_request;
using http::server_response;
using http::trace_point;

namespace {

// Of this process alone.
std::string abstract_name() { return "@rondo-http-" + std::to_string(::getpid()); }
endpoint abstract_endpoint() { return endpoint::unix_path(abstract_name()); }

void add_echo_and_host(http::server& s) {
  s.route("GET", "/host", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(r.headers().get("Host").value_or("none")));
  });
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::bytes(co_await r.text());
  });
  s.route("POST", "/moved", [](server_request&) -> task<server_response> {
    co_return server_response(307).header("Location", "//127.0.0.2/echo");
  });
}

// Runs body() beside the server, which is cancelled when the body has ended.
template <class Body, class... Tls>
task<> with_unix_server(Body body, Tls... tls) {
  http::server server(http::server_options().max_body(4 << 20));
  add_echo_and_host(server);
  co_await with_task_group([&](task_group& g) -> task<> {
    net::unix_listener listener = net::unix_listener::bind(abstract_endpoint());
    g.spawn([&] { return server.serve(std::move(listener), tls...); });
    co_await body();
    g.cancel();
  });
}

http::client_options to_the_socket() { return spoken().unix_socket(abstract_name()); }

struct event_log final : http::tracer {
  void on(const http::trace_event& e) override {
    seen.emplace_back(std::string(to_string(e.what)) + ' ' + std::string(e.text));
  }
  bool has(const std::string& line) const { return std::ranges::find(seen, line) != seen.end(); }
  std::vector<std::string> seen;
};

std::string why_refused(http::client_options o) {
  try {
    const http::client c(std::move(o));
    return "accepted";
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

}  // namespace

EVERY_VERSION(HttpUnix, EveryHostIsBehindTheSocket) {
  co_await with_unix_server([]() -> task<> {
    http::client c(to_the_socket());
    EXPECT_EQ(co_await get_text(c, "http://docker.example/host"), "docker.example");
    EXPECT_EQ(co_await get_text(c, "http://docker.example/host"), "docker.example");
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(co_await get_text(c, "http://10.0.0.1:81/host"), "10.0.0.1:81");
    EXPECT_EQ(c.open_connections(), 2U);  // one for each origin, as ever
  });
}

EVERY_VERSION(HttpUnix, CarriesLargeBodiesBothWays) {
  co_await with_unix_server([]() -> task<> {
    http::client c(to_the_socket());
    const std::string body = pattern(3 << 20);
    for (int i = 0; i < 3; ++i) {
      http::response r = co_await c.post("http://h/echo", body);
      EXPECT_TRUE(co_await r.text() == body);
    }
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

EVERY_VERSION(HttpUnix, TheTracerSeesTheSocketAndNoLookup) {
  co_await with_unix_server([]() -> task<> {
    auto log = std::make_shared<event_log>();
    http::client c(to_the_socket().trace(log));
    EXPECT_EQ(co_await get_text(c, "http://h/host"), "h");
    EXPECT_TRUE(log->has("connecting unix:" + abstract_name()));
    EXPECT_TRUE(log->has("connected "));
    EXPECT_FALSE(log->has("resolving h"));
  });
}

CONFORMANCE(HttpUnix, HttpsVerifiesTheHostOfTheUrl) {
  if (certificates().empty()) co_return;
  const auto context = tls_context::server(server_as("ip").alpn({"http/1.1"}));  // of 127.0.0.1
  co_await with_unix_server(
      []() -> task<> {
        const auto trusting = tls_context::client(client_of_root().alpn({"http/1.1"}));
        http::client c(to_the_socket().tls(trusting));
        EXPECT_EQ(co_await get_text(c, "https://127.0.0.1/host"), "127.0.0.1");
        EXPECT_TRUE(co_await caught<http::tls_error>(c.get("https://127.0.0.2/host")));
      },
      net::tls_reloadable(context));
}

EVERY_VERSION(HttpUnix, NamesTheSocketThatNobodyListensAt) {
  http::client c(to_the_socket());
  const auto e = co_await caught<http::connect_error>(c.get("http://h/"));
  EXPECT_TRUE(e);
  if (!e) co_return;
  EXPECT_EQ(e->code(), std::errc::connection_refused);
  EXPECT_NE(std::string(e->what()).find("unix:" + abstract_name()), std::string::npos) << e->what();
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION(HttpUnix, AFullBacklogIsWaitedForWithinTheConnectTimeout) {
  const net::unix_listener l =
      net::unix_listener::bind(abstract_endpoint(), net::unix_listen_options().backlog(1));
  std::vector<net::unix_stream> filling;
  for (int i = 0; i < 8; ++i) {
    auto s = co_await try_for(30ms, net::unix_stream::connect(abstract_endpoint()));
    if (!s) break;
    filling.push_back(std::move(*s));
  }
  http::client c(to_the_socket().timeout(phase::connect, 20ms));
  const auto e = co_await caught<http::timeout_error>(c.get("http://h/"));
  EXPECT_TRUE(e && e->phase() == phase::connect);
  EXPECT_EQ(c.open_connections(), 0U);
}

CONFORMANCE(HttpUnix, AConnectionThatTheServerHasClosedIsReplaced) {
  co_await with_task_group([](task_group& g) -> task<> {
    int connections = 0;
    // Answers once, then closes without a word that it would.
    auto handler = [&connections](net::unix_stream s) -> task<> {
      ++connections;
      net::buffered_reader in(s);
      co_await in.read_until("\r\n\r\n", 100'000);
      co_await s.write_all(bytes_of(ok));
    };
    g.spawn([&] { return net::serve(net::unix_listener::bind(abstract_endpoint()), handler); });
    co_await yield_now();
    http::client c(to_the_socket());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await get_text(c, "http://h/"), "ok");
    EXPECT_EQ(connections, 3);
    g.cancel();
  });
}

CONFORMANCE(HttpUnix, WhatWouldHaveNoEffectBesideItIsRefused) {
  EXPECT_EQ(why_refused(to_the_socket()), "accepted");
  const std::string begin = "unix:" + abstract_name() + " is where every connection goes: ";
  const std::string end = " has no effect beside it";
  EXPECT_EQ(why_refused(to_the_socket().proxy(http::proxy("http://127.0.0.1:1"))),
            begin + "a proxy" + end);
  EXPECT_EQ(why_refused(to_the_socket().guard(http::public_addresses_only())),
            begin + "a guard" + end);
  EXPECT_EQ(why_refused(to_the_socket().sockets(net::connect_options())),
            begin + "how TCP connects" + end);
  EXPECT_THROW(http::client_options().unix_socket(""), std::invalid_argument);
  EXPECT_THROW(http::client_options().unix_socket(std::string(108, 'x')), std::invalid_argument);
  co_return;
}

EVERY_VERSION_RUNS(HttpUnix, LeavesNothingWhereverItIsCancelled) {
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        co_await with_unix_server([]() -> task<> {
          http::client c(to_the_socket());
          http::response r = co_await c.post("http://127.0.0.1/moved", "body");
          EXPECT_EQ(co_await r.text(), "body");
        });
      },
      [] {});
  EXPECT_GE(n.at_rest, 6U);
}

CONFORMANCE_RUNS(HttpUnix, LeavesNothingOfTlsWhereverItIsCancelled) {
  if (certificates().empty()) return;
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        const auto context = tls_context::server(server_as("ip").alpn({"http/1.1"}));
        co_await with_unix_server(
            []() -> task<> {
              const auto trusting = tls_context::client(client_of_root().alpn({"http/1.1"}));
              http::client c(to_the_socket().tls(trusting));
              http::response r = co_await c.post("https://127.0.0.1/echo", "body");
              EXPECT_EQ(co_await r.text(), "body");
            },
            net::tls_reloadable(context));
      },
      [] {});
  EXPECT_GE(n.at_rest, 8U);
}
