// How a WebSocket is opened, by our client and our server and by peers that are neither.
#include "http/digest_websocket.hpp"
#include "http/http_support.hpp"
#include "http/throwing_websocket.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using http::websocket;
using http::websocket_options;

namespace http_websocket_opening_cases {
namespace {

task<> echo(websocket& ws) {
  while (const auto m = co_await ws.receive()) co_await ws.send(*m);
}

// What a request for a WebSocket says beside its first line.
const std::string fields =
    "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string ws_url(const std::string& origin, std::string_view path) {
  return "ws" + origin.substr(origin.find(':')) + std::string(path);
}

}  // namespace

CONFORMANCE(WebsocketOpening, BringsClientAndServerTogether) {
  for (const auto& o : {websocket_options(), websocket_options().compress(true),
                        websocket_options().compress_with_context(true)}) {
    http::server server;
    server.websocket("/echo", echo, websocket_options(o).protocols({"b", "a"}));
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      http::client c;
      websocket ws =
          co_await c.websocket(ws_url(origin, "/echo"), websocket_options(o).protocols({"a", "c"}));
      EXPECT_EQ(ws.protocol(), "a");
      for (int i = 0; i < 5; ++i) {
        std::string text(static_cast<std::size_t>(i) * 3000, static_cast<char>('a' + i));
        co_await ws.send(text);
        const auto m = co_await ws.receive();
        EXPECT_TRUE(m && m->data == text) << i;
      }
      co_await ws.close(1000, "done");
      EXPECT_EQ(ws.close_code(), 1000);
      EXPECT_EQ(c.open_connections(), 0U);
    });
  }
}

CONFORMANCE(WebsocketOpening, FollowsRedirectsWithCookiesAsAGetWould) {
  http::server server;
  server.route("GET", "/old", [](server_request&) -> task<server_response> {
    co_return server_response(302).header("Location", "/new").header("Set-Cookie", "who=me");
  });
  server.route("GET", "/new", [](server_request& r) -> task<server_response> {
    if (r.headers().get("Cookie") != "who=me") co_return server_response(401);
    co_return http::accept_websocket(r, echo);
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c;
    websocket ws = co_await c.websocket(ws_url(origin, "/old"));
    co_await ws.send("hello");
    EXPECT_EQ((co_await ws.receive())->data, "hello");
    co_await ws.close();
  });
}

#ifdef RONDO_HAVE_TLS  // for the hashes
CONFORMANCE(WebsocketOpening, AnswersDigestAsAGetWould) {
  guarded_echo g;
  co_await with_server(g.server, [&](std::string origin, endpoint) -> task<> {
    http::client c(http::client_options().digest_auth("u", "p"));
    co_await open_guarded_echoes(c, g, ws_url(origin, "/guarded"));
    co_await be_refused_by_guarded_echo(g, {}, ws_url(origin, "/guarded"));
  });
}

CONFORMANCE_RUNS(WebsocketOpening, WithDigestCanBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    guarded_echo g;
    co_await with_server(g.server, [&](std::string origin, endpoint) -> task<> {
      http::client c(http::client_options().digest_auth("u", "p"));
      websocket ws = co_await c.websocket(ws_url(origin, "/guarded"));
      co_await ws.close();
    });
  });
  EXPECT_GT(n.at_rest, 8U);
  EXPECT_GT(n.at_wake, 8U);
}
#endif

CONFORMANCE(WebsocketOpening, AnAnswerThatIsNoneIsToldWithItsStatus) {
  http::server server;
  server.route("GET", "/plain", [](server_request&) -> task<server_response> {
    co_return server_response::text("no");
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c;
    for (const auto& [path, status] : {std::pair("/plain", 200), std::pair("/nowhere", 404)}) {
      const auto e = co_await caught<http::status_error>(c.websocket(ws_url(origin, path)));
      EXPECT_TRUE(e && e->status() == status) << path;
    }
    EXPECT_TRUE(co_await caught<std::invalid_argument>(
        c.websocket(http::request("POST", ws_url(origin, "/")))));
  });
}

CONFORMANCE(WebsocketOpening, A101ThatDoesNotAnswerOurKeyIsRefused) {
  co_await with_peer(
      answers("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
      [](std::string origin) -> task<> {
        http::client c;
        const auto e = co_await caught<http::protocol_error>(c.websocket(ws_url(origin, "/")));
        EXPECT_TRUE(e);
        EXPECT_EQ(c.open_connections(), 0U);
      });
}

// bun#43149: what came with the handshake is lost.
CONFORMANCE(WebsocketOpening, FramesThatCameWithTheRequestAreKept) {
  http::server server;
  server.websocket("/echo", echo);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string answer =
        co_await exchange_bytes(here, "GET /echo HTTP/1.1\r\n" + fields + "\r\n" +
                                          std::string("\x81\x82\0\0\0\0Hi\x88\x80\0\0\0\0", 14));
    EXPECT_EQ(first_line(answer), "HTTP/1.1 101 Switching Protocols");
    EXPECT_NE(answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
              std::string::npos);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n\x81\x02Hi\x88\x02\x03\xE8") ||
                answer.ends_with(std::string_view("\r\n\r\n\x81\x02Hi\x88\x00", 10)))
        << answer;
  });
}

CONFORMANCE(WebsocketOpening, WhatAsksWronglyIsToldSo) {
  http::server server;
  server.websocket("/echo", echo);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const auto status = [&](std::string first, std::string changed) -> task<std::string> {
      const std::string answer = co_await exchange_bytes(here, first + changed + "\r\n");
      co_return answer.substr(9, 3);
    };
    const auto without = [](std::string_view name) {
      std::string f = fields;
      const std::size_t at = f.find(name);
      return f.erase(at, f.find("\r\n", at) + 2 - at);
    };
    const std::string get = "GET /echo HTTP/1.1\r\n";
    EXPECT_EQ(co_await status(get, without("Upgrade:")), "426");
    EXPECT_EQ(co_await status(get, without("Connection:")), "426");
    EXPECT_EQ(co_await status(get, without("Sec-WebSocket-Version")), "426");
    EXPECT_EQ(co_await status(get, without("Sec-WebSocket-Key")), "400");
    EXPECT_EQ(co_await status("POST /echo HTTP/1.1\r\n", fields), "405");
    EXPECT_EQ(co_await status("GET /echo HTTP/1.0\r\n", fields), "426");
    EXPECT_EQ(co_await status(get, fields + "Origin: http://evil.example\r\n"), "403");
    EXPECT_EQ(co_await status(get, fields + "Content-Length: 2\r\n"), "426");
  });
}

CONFORMANCE_RUNS(WebsocketOpening, AHandlerThatThrowsClosesWith1011AndIsReported) {
  expect_1011_of_who_throws(reactor, {});
}

CONFORMANCE(WebsocketOpening, AStopTellsEveryClientAndEnds) {
  http::server server;
  server.websocket("/", echo);
  tcp_listener listener = listen_here();
  const std::string origin = origin_of(listener.local_endpoint());
  http::stop_handle stop;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return server.serve(std::move(listener), stop); });
    http::client c;
    websocket ws = co_await c.websocket(ws_url(origin, "/"));
    co_await ws.send("hello");
    EXPECT_EQ((co_await ws.receive())->data, "hello");
    stop.stop();
    EXPECT_FALSE(co_await ws.receive());
    EXPECT_EQ(ws.close_code(), 1001);
  });
}

CONFORMANCE_RUNS(WebsocketOpening, CanBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    http::server server;
    server.websocket("/", echo);
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      http::client c;
      websocket ws = co_await c.websocket(ws_url(origin, "/"));
      co_await ws.send("hello");
      (void)co_await ws.receive();
      co_await ws.close();
    });
  });
  EXPECT_GT(n.at_rest, 8U);
  EXPECT_GT(n.at_wake, 8U);
}

}  // namespace http_websocket_opening_cases
