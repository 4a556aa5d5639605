// What a client and a server agree on over TLS, and what the pool makes of it.
#include "http/http2_peer.hpp"
#include "net/tls_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace http2_client_agreed {

namespace {

#define NEEDS_OPENSSL \
  if (certificates().empty()) co_return

http::client_options trusting() {
  return http::client_options().tls(tls_context::client(client_of_root()));
}

// Servers that offer these protocols; `accepting` is awaited before each handshake.
struct secure_server {
  std::vector<std::string> protocols;
  int connections = 0;
  int over_http2 = 0;
  int failing = 0;  // handshakes that do not happen
  std::chrono::milliseconds delay{0};
};

task<> say_ok(http2_peer& /*p*/, http2_stream_ref s) { co_await answer(*s, 200, "ok"); }

task<> serve_one(secure_server& server, tls_context context, tcp_stream s) {
  const int n = server.connections++;
  if (server.delay.count() > 0) co_await sleep_for(server.delay);
  if (server.failing > 0) {
    --server.failing;
    co_return;
  }
  auto secure = co_await as_result(tls_tcp::accept(std::move(s), context));
  if (!secure.has_value()) co_return;
  tls_tcp stream = std::move(secure).value();
  if (stream.alpn() == "h2") {
    ++server.over_http2;
    co_await serve_http2(stream, n, say_ok);
    co_return;
  }
  const outcome<void> ended = co_await as_result([](tls_tcp& on) -> task<> {
    net::buffered_reader in(on);
    for (;;) {
      co_await in.read_until("\r\n\r\n", 100'000);
      co_await sleep_for(1ms);
      co_await on.write_all(net::bytes_of(ok));
    }
  }(stream));
  static_cast<void>(ended);
}

template <class Body>
task<> with_secure(secure_server& server, Body body) {
  tls_server_options options = server_as("ip");
  if (!server.protocols.empty()) options.alpn(server.protocols);
  const tls_context context = tls_context::server(options);
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) { return serve_one(server, context, std::move(s)); };
    g.spawn([&, handler] { return net::serve(std::move(listener), handler); });
    co_await body("https://" + here.to_string());
    g.cancel();
  });
}

task<int> ok_at_once(http::client& c, std::string at, int n) {
  std::vector<task<std::string>> work;
  for (int i = 0; i < n; ++i) work.push_back(get_text(c, at));
  int fine = 0;
  for (const auto& r : co_await gather(return_exceptions, std::move(work)))
    fine += r.has_value() && r.value() == "ok" ? 1 : 0;
  co_return fine;
}

}  // namespace

CONFORMANCE(Http2Agreed, RequestsToAServerThatAgreesShareAConnection) {
  NEEDS_OPENSSL;
  secure_server server{.protocols = {"h2", "http/1.1"}};
  co_await with_secure(server, [&](std::string at) -> task<> {
    http::client c(trusting());
    EXPECT_EQ(co_await ok_at_once(c, at, 30), 30);  // the first dials, the others wait for it
    EXPECT_EQ(c.open_connections(), 1U);
    response r = co_await c.get(at);
    EXPECT_EQ(r.version(), http::version::http_2);
    EXPECT_EQ(co_await r.text(), "ok");
  });
  EXPECT_EQ(server.connections, 1);
  EXPECT_EQ(server.over_http2, 1);
}

CONFORMANCE(Http2Agreed, AServerThatDoesNotAgreeIsSpokenToAsEver) {
  NEEDS_OPENSSL;
  for (const std::vector<std::string>& offered :
       {std::vector<std::string>{"http/1.1"}, std::vector<std::string>{}}) {
    secure_server server{.protocols = offered};
    co_await with_secure(server, [&](std::string at) -> task<> {
      http::client c(trusting());
      EXPECT_EQ(co_await ok_at_once(c, at, 5), 5);
      EXPECT_EQ(c.open_connections(), 5U);
      EXPECT_EQ(co_await ok_at_once(c, at, 5), 5);
      EXPECT_EQ(c.open_connections(), 5U);
    });
    EXPECT_EQ(server.over_http2, 0);
  }
}

CONFORMANCE(Http2Agreed, NobodyWaitsForLongerThanASecond) {
  NEEDS_OPENSSL;
  if (reactor != reactor_kind::simulated) co_return;
  secure_server server{.protocols = {"h2", "http/1.1"}, .delay = 5s};
  co_await with_secure(server, [&](std::string at) -> task<> {
    http::client c(trusting());
    const auto begun = this_loop().now();
    EXPECT_EQ(co_await ok_at_once(c, at, 4), 4);
    EXPECT_LT(this_loop().now() - begun, 6500ms);
  });
  EXPECT_EQ(server.connections, 4);  // the other three have dialled after a second
}

CONFORMANCE(Http2Agreed, ADialThatFailsHoldsNobodyUp) {
  NEEDS_OPENSSL;
  secure_server server{.protocols = {"h2", "http/1.1"}, .failing = 1};
  co_await with_secure(server, [&](std::string at) -> task<> {
    http::client c(trusting());
    EXPECT_EQ(co_await ok_at_once(c, at, 10), 9);
    EXPECT_EQ(co_await ok_at_once(c, at, 10), 10);
  });
}

// One after the other they would take 3.6 s.
TEST(Http2AgreedClocks, WhoWaitedForADialThatFailsDialsAtOnce) {
  if (certificates().empty()) GTEST_SKIP() << "no certificates: openssl is not installed";
  simulate([]() -> task<> {
    secure_server server{.protocols = {"h2", "http/1.1"}, .failing = 3, .delay = 900ms};
    co_await with_secure(server, [&](std::string at) -> task<> {
      http::client c(trusting());
      const auto begun = this_loop().now();
      EXPECT_EQ(co_await ok_at_once(c, at, 4), 1);
      EXPECT_LT(this_loop().now() - begun, 2500ms);
    });
  });
}

CONFORMANCE(Http2Agreed, WhoIsToldNeverOffersNothing) {
  NEEDS_OPENSSL;
  secure_server server{.protocols = {"h2", "http/1.1"}};
  co_await with_secure(server, [&](std::string at) -> task<> {
    http::client c(trusting().http2(http::http2::never));
    response r = co_await c.get(at);
    EXPECT_EQ(r.version(), http::version::http_1_1);
    EXPECT_EQ(co_await r.text(), "ok");
  });
  EXPECT_EQ(server.over_http2, 0);
}

CONFORMANCE(Http2Agreed, PriorKnowledgeTakesNothingElse) {
  NEEDS_OPENSSL;
  secure_server both{.protocols = {"http/1.1", "h2"}};
  co_await with_secure(both, [&](std::string at) -> task<> {
    http::client c(trusting().http2(http::http2::prior_knowledge));
    EXPECT_EQ(co_await get_text(c, at), "ok");
  });
  EXPECT_EQ(both.over_http2, 1);
  secure_server old{.protocols = {}};
  co_await with_secure(old, [&](std::string at) -> task<> {
    http::client c(trusting().http2(http::http2::prior_knowledge));
    const auto e = co_await caught<http::tls_error>(get_text(c, at));
    EXPECT_TRUE(e && std::string(e->what()).find("not h2") != std::string::npos);
    EXPECT_EQ(c.open_connections(), 0U);
  });
}

CONFORMANCE(Http2Agreed, AContextWithProtocolsOfItsOwnKeepsThem) {
  NEEDS_OPENSSL;
  secure_server server{.protocols = {"h2", "http/1.1"}};
  co_await with_secure(server, [&](std::string at) -> task<> {
    http::client c(
        http::client_options().tls(tls_context::client(client_of_root().alpn({"http/1.1"}))));
    EXPECT_EQ(co_await get_text(c, at), "ok");
  });
  EXPECT_EQ(server.over_http2, 0);
}

CONFORMANCE_RUNS(Http2Agreed, LeavesNothingWhereverItIsCancelled) {
  if (certificates().empty()) return;
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(trusting());
        secure_server server{.protocols = {"h2", "http/1.1"}};
        co_await with_secure(server, [&](std::string at) -> task<> {
          EXPECT_EQ(co_await ok_at_once(*c, at, 3), 3);
        });
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 20U);
}

// --- WebSockets (RFC 8441) ---

namespace {

// Runs body(origin, client) beside a server of ours over TLS, whose /ws says what brought it there.
template <class Body>
task<> with_websockets(Body body) {
  http::server server;
  server.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
    co_return http::server_response::text("page");
  });
  server.route("GET", "/ws", [](http::server_request& r) -> task<http::server_response> {
    const std::string version(to_string(r.version()));
    co_return http::accept_websocket(r, [version](http::websocket& ws) -> task<> {
      co_await ws.send(version);
      while (const auto m = co_await ws.receive()) co_await ws.send(*m);
    });
  });
  tcp_listener listener = listen_here();
  const std::string at = listener.local_endpoint().to_string();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] {
      return server.serve(std::move(listener),
                          tls_context::server(server_as("ip").alpn({"h2", "http/1.1"})));
    });
    http::client c(trusting());
    co_await body(at, c);
    g.cancel();
  });
}

}  // namespace

CONFORMANCE(Http2Agreed, AWebsocketUsesTheConnectionThatIsThereAndElseHttp11) {
  NEEDS_OPENSSL;
  co_await with_websockets([](std::string at, http::client& c) -> task<> {
    http::websocket alone = co_await c.websocket("wss://" + at + "/ws");
    EXPECT_EQ((co_await alone.receive())->data, "HTTP/1.1");
    EXPECT_EQ(co_await get_text(c, "https://" + at + "/"), "page");
    EXPECT_EQ(c.open_connections(), 1U);
    http::websocket shared = co_await c.websocket("wss://" + at + "/ws");
    EXPECT_EQ((co_await shared.receive())->data, "HTTP/2");
    EXPECT_EQ(c.open_connections(), 1U);
    for (http::websocket* ws : {&alone, &shared}) {
      co_await ws->send(std::string(300'000, 't'));
      EXPECT_EQ((co_await ws->receive())->data.size(), 300'000U);
      co_await ws->close();
      EXPECT_EQ(ws->close_code(), 1000);
    }
    EXPECT_EQ(co_await get_text(c, "https://" + at + "/"), "page");
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

// The connection that was there has ended meanwhile, without a word that anybody has read.
CONFORMANCE(Http2Agreed, AWebsocketOnAConnectionThatHasEndedGoesByHttp11) {
  NEEDS_OPENSSL;
  http::server server;
  server.websocket("/ws", [](http::websocket& ws) -> task<> { co_await ws.ignore_incoming(); });
  server.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
    co_return http::server_response::text("page");
  });
  http::client c(trusting());
  http::stop_handle stop;
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  const tls_context tls = tls_context::server(server_as("ip").alpn({"h2", "http/1.1"}));
  co_await with_task_group([&](task_group& g) -> task<> {
    auto first = g.spawn([&] { return server.serve(std::move(listener), tls, stop); });
    EXPECT_EQ(co_await get_text(c, "https://" + here.to_string() + "/"), "page");
    stop.stop();
    co_await first;
    tcp_listener again = tcp_listener::bind(here);
    g.spawn([&] { return server.serve(std::move(again), tls); });
    http::websocket ws = co_await c.websocket("wss://" + here.to_string() + "/ws");
    co_await ws.close();
    EXPECT_EQ(ws.close_code(), 1000);
    g.cancel();
  });
}

}  // namespace http2_client_agreed
