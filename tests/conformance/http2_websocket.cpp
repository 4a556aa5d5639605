// WebSockets over HTTP/2 (RFC 8441): our server with a session that says what it likes, and our
// client with our server and with peers.
#include "http/digest_websocket.hpp"
#include "http/http2_peer.hpp"
#include "http/http2_websocket_support.hpp"
#include "http/throwing_websocket.hpp"
#include "http/websocket_conversation.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>

#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;
using http::websocket;
using http::websocket_error;
using http::websocket_options;

namespace http2_websocket_cases {
namespace {

std::string ws_url(const std::string& origin, std::string_view path) {
  return "ws" + origin.substr(origin.find(':')) + std::string(path);
}

// A server with an echo, an ordinary page and a protocol that is no WebSocket's.
struct talkative_server {
  http::server server;
  std::vector<int> ended;  // codes that handlers of /seen have seen
  event one_ended;

  explicit talkative_server(server_options o = {}, const websocket_options& w = {})
      : server(std::move(o)) {
    server.websocket("/echo", echo_messages, w);
    server.route("GET", "/plain", [](server_request&) -> task<server_response> {
      co_return server_response::text("plain");
    });
    server.websocket("/seen", [this](websocket& ws) -> task<> {
      const int code = co_await code_thrown(ws.ignore_incoming());
      co_await sleep_for(1ms);  // one that is cancelled gets no further
      ended.push_back(code == 0 ? ws.close_code() : code);
      one_ended.set();
    });
    server.route("GET", "/facts", [](server_request& r) -> task<server_response> {
      const std::string facts = r.method() + ' ' + std::string(to_string(r.version())) + ' ' +
                                std::string(r.headers().get("Host").value_or(""));
      co_return http::accept_websocket(
          r, [facts](websocket& ws) -> task<> { co_await ws.send(facts); });
    });
    server.route("GET", "/shout", [](server_request&) -> task<server_response> {
      co_return server_response::upgrade("shout", [](http::upgraded_stream s) -> task<> {
        std::array<std::byte, 512> room;
        while (const std::size_t n = co_await s.read_some(room))
          co_await s.write_all(std::span(room).first(n));
        co_await s.write_all(net::bytes_of("bye"));
      });
    });
  }
};

task<> until(auto condition) {
  while (!condition()) co_await sleep_for(1ms);
}

task<> expect_echo(websocket& ws, std::string text) {
  co_await ws.send(text);
  const auto m = co_await ws.receive();
  EXPECT_TRUE(m && m->data == text);
}

// The head of a WebSocket that has been opened there.
task<http2::http2_stream_ref> opened(h2_client& c, std::string path) {
  http2::http2_stream_ref s = c.session().open(h2_connect(std::move(path)), false);
  co_await h2_client::until_head(*s);
  EXPECT_EQ(s->head().status, 200);
  co_return s;
}

}  // namespace

// --- client and server ---

CONFORMANCE(Http2Websocket, BringsClientAndServerTogether) {
  for (const auto& o : {websocket_options(), websocket_options().compress(true),
                        websocket_options().compress_with_context(true)}) {
    talkative_server s({}, websocket_options(o).protocols({"b", "a"}));
    co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
      http::client c(over_http2());
      websocket ws =
          co_await c.websocket(ws_url(origin, "/echo"), websocket_options(o).protocols({"a", "c"}));
      EXPECT_EQ(ws.protocol(), "a");
      for (const std::size_t size : {0, 3'000, 65'536, 1'000'000})
        co_await expect_echo(ws, std::string(size, 'w'));
      EXPECT_EQ(ws.remote_endpoint().to_string(), origin.substr(7));
      co_await ws.close(4000, "done");
      EXPECT_EQ(ws.close_code(), 4000);
      EXPECT_EQ(c.open_connections(), 1U) << "the connection is kept";
    });
  }
}

#ifdef RONDO_HAVE_TLS  // for the hashes
CONFORMANCE(Http2Websocket, AnswersDigestAsAGetWould) {
  guarded_echo g;
  co_await with_server(g.server, [&](std::string origin, endpoint) -> task<> {
    http::client c(over_http2().digest_auth("u", "p"));
    co_await open_guarded_echoes(c, g, ws_url(origin, "/guarded"));
    EXPECT_EQ(c.open_connections(), 1U);
    co_await be_refused_by_guarded_echo(g, over_http2(), ws_url(origin, "/guarded"));
  });
}
#endif

CONFORMANCE(Http2Websocket, TheHandlerSeesTheRequestAsOneOfHttp11) {
  talkative_server s;
  co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
    http::client c(over_http2());
    websocket ws = co_await c.websocket(ws_url(origin, "/facts"));
    EXPECT_EQ((co_await ws.receive())->data, "GET HTTP/2 " + origin.substr(7));
    EXPECT_FALSE(co_await ws.receive());
    EXPECT_EQ(ws.close_code(), 1000);
  });
}

CONFORMANCE(Http2Websocket, SeveralShareAConnectionWithPlainRequests) {
  talkative_server s;
  co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
    http::client c(over_http2());
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int n = 0; n < 20; ++n)
        g.spawn([&, n]() -> task<> {
          websocket ws = co_await c.websocket(ws_url(origin, "/echo"));
          for (int i = 0; i < 10; ++i) {
            co_await expect_echo(ws, numbered(i, static_cast<std::size_t>(n) * 1000));
            EXPECT_EQ(co_await get_text(c, origin + "/plain"), "plain");
          }
          co_await ws.close();
        });
      co_return;
    });
    EXPECT_EQ(c.open_connections(), 1U);
    co_await until([&] { return c.idle_connections() == 1; });  // each place is back
  });
}

CONFORMANCE(Http2Websocket, OutlivesItsClient) {
  talkative_server s;
  co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
    std::optional<http::client> c(over_http2());
    websocket ws = co_await c->websocket(ws_url(origin, "/echo"));
    c.reset();
    co_await expect_echo(ws, "still here");
    co_await ws.close();
    EXPECT_EQ(ws.close_code(), 1000);
  });
}

CONFORMANCE(Http2Websocket, AnAnswerThatIsNoneIsToldWithItsStatus) {
  talkative_server s;
  s.server.route("GET", "/old", [](server_request&) -> task<server_response> {
    co_return server_response(302).header("Location", "/echo");
  });
  co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
    http::client c(over_http2());
    for (const auto& [path, status] :
         {std::pair("/plain", 501), std::pair("/nothing", 404), std::pair("/shout", 501)}) {
      const auto e = co_await caught<http::status_error>(c.websocket(ws_url(origin, path)));
      EXPECT_TRUE(e && e->status() == status) << path;
    }
    websocket ws = co_await c.websocket(ws_url(origin, "/old"));  // a redirect is followed
    co_await expect_echo(ws, "hello");
    co_await ws.close();
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

// --- when the client asks for it ---

// RFC 8441, section 3: not before the server has said that it takes it.
CONFORMANCE(Http2Websocket, IsNotAskedForBeforeTheServersSettings) {
  int streams = 0;
  bool may_speak = false;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        http2_settings settings;
        settings.extended_connect = true;
        http2_peer p(0, settings);
        std::vector<std::byte> buffer(16 * 1024);
        co_await with_task_group([&](task_group& g) -> task<> {
          auto writing = g.spawn([&]() -> task<> {
            co_await until([&] { return may_speak; });
            co_await write_for(p.session, s);
          });
          while (const std::size_t n = co_await s.read_some(buffer)) {
            p.session.receive(std::span(buffer).first(n), this_loop().now());
            while (http2_stream_ref stream = p.session.accept()) {
              EXPECT_TRUE(may_speak);
              EXPECT_EQ(stream->head().method, "CONNECT");
              EXPECT_EQ(stream->head().protocol, "websocket");
              EXPECT_EQ(stream->head().scheme, "http");
              EXPECT_EQ(stream->head().path, "/x?y");
              EXPECT_FALSE(stream->head().fields.contains("sec-websocket-key"));
              EXPECT_FALSE(stream->head().fields.contains("upgrade"));
              EXPECT_FALSE(stream->in_ended());
              ++streams;
              http2_head no;
              no.status = 403;
              stream->send_head(no, true);
            }
          }
          writing.cancel();
        });
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        co_await with_task_group([&](task_group& g) -> task<> {
          auto asking = g.spawn([&]() -> task<> {
            const auto e = co_await caught<http::status_error>(c.websocket(ws_url(at, "/x?y")));
            EXPECT_TRUE(e && e->status() == 403);
          });
          co_await until([&] { return c.open_connections() == 1; });
          for (int i = 0; i < 20; ++i) co_await sleep_for(1ms);
          EXPECT_EQ(streams, 0);
          may_speak = true;
          (void)co_await asking.join();
        });
      });
  EXPECT_EQ(streams, 1);
}

CONFORMANCE(Http2Websocket, AServerThatDoesNotTakeItIsAskedByHttp11) {
  std::string asked;
  co_await with_peer(
      [&](tcp_stream& s, int n) -> task<> {
        if (n == 0) {
          co_await rondo_test::serve_http2(s, n, [](http2_peer&, http2_stream_ref) -> task<> {
            ADD_FAILURE() << "the server has not said that it takes this";
            co_return;
          });
          co_return;
        }
        net::buffered_reader in(s);
        asked = co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        co_await until_closed(s);
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        const auto e = co_await caught<http::status_error>(c.websocket(ws_url(at, "/x")));
        EXPECT_TRUE(e && e->status() == 403);
      });
  EXPECT_EQ(first_line(asked), "GET /x HTTP/1.1");
  EXPECT_NE(asked.find("Sec-WebSocket-Key: "), std::string::npos);
}

CONFORMANCE(Http2Websocket, AskedForNeverOrInClearItGoesByHttp11) {
  talkative_server s;
  co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
    for (const http::http2 how : {http::http2::never, http::http2::automatic}) {
      http::client c(http::client_options().http2(how));
      websocket ws = co_await c.websocket(ws_url(origin, "/facts"));
      EXPECT_EQ((co_await ws.receive())->data, "GET HTTP/1.1 " + origin.substr(7));
    }
  });
}

// A server that has let the stream go, having done nothing, is asked once more (RFC 9113, 8.7).
CONFORMANCE(Http2Websocket, IsAskedForOnceMoreWhenTheServerHasNotBegun) {
  int streams = 0;
  http2_settings settings;
  settings.extended_connect = true;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        if (++streams == 1) {
          s->reset(http2_code::refused_stream);
          co_return;
        }
        http2_head yes;
        yes.status = 200;
        s->send_head(yes, false);
        co_await until_closed(*s);
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        websocket ws = co_await c.websocket(ws_url(at, "/"));
        EXPECT_FALSE(ws.ended());
      },
      settings);
  EXPECT_EQ(streams, 2);
}

// An answer that agrees on what was not offered, and one that ends the stream at once.
CONFORMANCE(Http2Websocket, AWrongAnswerIsRefusedAndItsStreamEnds) {
  http2_settings settings;
  settings.extended_connect = true;
  int reset = 0;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        const std::string path = s->head().path;
        http2_head h;
        h.status = path == "/empty" ? 204 : 200;
        if (path == "/protocol") h.fields.add("sec-websocket-protocol", "other");
        if (path == "/extension") h.fields.add("sec-websocket-extensions", "permessage-deflate");
        s->send_head(h, path == "/ended" || path == "/empty");
        co_await until_closed(*s);
        reset += s->closed_by_peer() && s->code() == http2_code::cancel ? 1 : 0;
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        for (const char* path : {"/protocol", "/extension", "/ended"}) {
          const auto e = co_await caught<http::protocol_error>(c.websocket(ws_url(at, path)));
          EXPECT_TRUE(e) << path;
        }
        const auto e = co_await caught<http::status_error>(c.websocket(ws_url(at, "/empty")));
        EXPECT_TRUE(e && e->status() == 204);
        co_await until([&] { return reset == 4; });
        EXPECT_EQ(c.open_connections(), 1U);
        EXPECT_EQ(c.idle_connections(), 1U);
      },
      settings);
}

// --- the server, and a client that says what it likes ---

CONFORMANCE(Http2Websocket, IsAnsweredWith200AndNoKey) {
  talkative_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    co_await c.get("/plain");
    EXPECT_TRUE(c.session().peer_takes_extended_connect());
    http2::http2_stream_ref stream = co_await opened(c, "/echo");
    for (const char* none : {"sec-websocket-accept", "upgrade", "connection", "content-length"})
      EXPECT_FALSE(stream->head().fields.contains(none)) << none;
    EXPECT_TRUE(stream->head().fields.contains("date"));
    EXPECT_FALSE(stream->in_ended());
    websocket ws = websocket_on(std::move(stream));
    co_await expect_echo(ws, "hello");
    co_await ws.close();
    EXPECT_EQ(ws.close_code(), 1000);
    co_await c.until_free();
  });
}

CONFORMANCE(Http2Websocket, WhatIsNoRequestForOneIsRefused) {
  talkative_server s({}, websocket_options().origins({"https://here.test"}));
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    const auto status = [&](http2::http2_head h) -> task<int> {
      http2::http2_stream_ref stream = c.session().open(h, false);
      co_return (co_await h2_client::answer_of(*stream)).status;
    };
    EXPECT_EQ(co_await status(h2_connect("/echo", {}, "shout")), 501);
    EXPECT_EQ(co_await status(h2_connect("/plain", {}, "nonsense")), 501);
    EXPECT_EQ(co_await status(h2_connect("/plain")), 501) << "200 would mean a WebSocket";
    EXPECT_EQ(co_await status(h2_connect("/nothing")), 404);
    EXPECT_EQ(co_await status(h2_connect("/echo", {}, "web socket")), 400);
    EXPECT_EQ(co_await status(h2_connect("/echo", {{"origin", "https://other.test"}})), 403);
    EXPECT_EQ(co_await status(h2_connect("/echo", {{"content-length", "0"}})), 400);
    http2::http2_head h = h2_connect("/echo");
    h.fields.set("sec-websocket-version", "8");
    EXPECT_EQ(co_await status(h), 426);
    // One that is no extended CONNECT.
    h = h2_request("GET", "/echo", {{"sec-websocket-version", "13"}});
    EXPECT_EQ(co_await status(h), 426);
    EXPECT_EQ(co_await status(h2_request("GET", "/shout")), 426);
    EXPECT_EQ((co_await c.get("/plain")).body, "plain");
  });
}

// RFC 8441, section 4, and RFC 9113, section 8.1.1.
CONFORMANCE(Http2Websocket, AMalformedOneIsAStreamError) {
  talkative_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2::http2_head no_path = h2_connect("");
    http2::http2_head no_scheme = h2_connect("/echo");
    no_scheme.scheme.clear();
    http2::http2_head no_authority = h2_connect("/echo");
    no_authority.authority.clear();
    http2::http2_head no_connect = h2_connect("/echo");
    no_connect.method = "GET";
    http2::http2_head upgrades = h2_connect("/echo", {{"upgrade", "websocket"}});
    for (const http2::http2_head* h :
         {&no_path, &no_scheme, &no_authority, &no_connect, &upgrades}) {
      http2::http2_stream_ref stream = c.session().open(*h, false);
      const h2_answer a = co_await h2_client::answer_of(*stream);
      EXPECT_EQ(a.status, 0);
      EXPECT_EQ(a.code, http2_code::protocol_error);
    }
    EXPECT_EQ((co_await c.get("/plain")).body, "plain");
  });
}

CONFORMANCE(Http2Websocket, ABrokenFrameIsToldAndEndsTheStreamAlone) {
  talkative_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2::http2_stream_ref stream = co_await opened(c, "/seen");
    stream->write(net::bytes_of(std::string_view("\x81\x02hi", 4)));  // without a mask
    const h2_answer a = co_await h2_client::answer_of(*stream);
    EXPECT_EQ(a.body.substr(0, 1), "\x88");
    EXPECT_EQ(a.body.substr(2, 2), "\x03\xEA") << "1002";
    EXPECT_TRUE(a.whole);
    EXPECT_EQ((co_await c.get("/plain")).body, "plain");
    co_await until([&] { return s.ended == std::vector<int>{1002}; });
  });
}

// As the end of a TCP connection and its reset: the handler hears of it, and is not cancelled.
CONFORMANCE(Http2Websocket, TheEndAndAResetAreALostConnection) {
  talkative_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2::http2_stream_ref ends = co_await opened(c, "/seen");
    http2::http2_stream_ref resets = co_await opened(c, "/seen");
    websocket stays = websocket_on(co_await opened(c, "/echo"));
    ends->end();
    EXPECT_TRUE((co_await h2_client::answer_of(*ends)).whole);
    resets->reset(http2_code::cancel);
    co_await until([&] { return s.ended.size() == 2; });
    EXPECT_EQ(s.ended, (std::vector<int>{1006, 1006}));
    co_await expect_echo(stays, "still here");
    co_await stays.close();
    co_await c.until_free();
  });
}

CONFORMANCE(Http2Websocket, AnotherProtocolHasTheStreamAsBytes) {
  talkative_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2::http2_stream_ref stream = c.session().open(h2_connect("/shout", {}, "shout"), false);
    co_await h2_client::send(*stream, std::string(300'000, 's'));
    stream->end();
    const h2_answer a = co_await h2_client::answer_of(*stream);
    EXPECT_EQ(a.status, 200);
    EXPECT_TRUE(a.body == std::string(300'000, 's') + "bye");
    EXPECT_TRUE(a.whole);
  });
}

// --- windows ---

CONFORMANCE(Http2Websocket, ALargeMessagePassesASmallWindow) {
  talkative_server s({}, websocket_options().max_message(8 << 20));
  http2::http2_settings narrow = h2_client_settings();
  narrow.stream_window = 1000;
  co_await with_h2(
      s.server,
      [&](h2_client& c) -> task<> {
        websocket ws =
            websocket_on(co_await opened(c, "/echo"), websocket_options().max_message(8 << 20));
        co_await with_task_group([&](task_group& g) -> task<> {
          const std::string text(3'000'000, 'l');
          g.spawn([&]() -> task<> { co_await ws.send(text); });
          const auto m = co_await ws.receive();
          EXPECT_TRUE(m && m->data == text);
        });
        co_await ws.close();
        EXPECT_EQ(ws.close_code(), 1000);
      },
      narrow);
}

// A handler that does not receive holds up its own client, at what its window and what is on the
// way take; a second WebSocket on the connection goes on.
CONFORMANCE(Http2Websocket, FlowControlIsBackPressureForOneStreamAlone) {
  http::server server;
  event go_on;
  numbered_traffic traffic;
  server.websocket("/slow", [&](websocket& ws) -> task<> {
    co_await go_on.wait();
    while (const auto m = co_await ws.receive()) traffic.came(*m);
  });
  server.websocket("/echo", echo_messages);
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(over_http2());
    websocket slow = co_await c.websocket(ws_url(origin, "/slow"));
    websocket quick = co_await c.websocket(ws_url(origin, "/echo"));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto sending = g.spawn([&]() -> task<> {
        for (int i = 0; i < 100; ++i) co_await traffic.send(slow, 10'000);
      });
      for (int i = 0; i < 50; ++i) co_await expect_echo(quick, std::string(10'000, 'q'));
      EXPECT_FALSE(sending.done());
      // 256 KiB of window, 64 of the stream, 64 of the engine.
      EXPECT_LE(traffic.sent().size(), 40U);
      go_on.set();
      (void)co_await sending.join();
    });
    co_await slow.close();
    co_await quick.close();
  });
  EXPECT_EQ(traffic.all_that_came().size(), 100U);
  EXPECT_TRUE(traffic.in_order() && traffic.complete());
}

// Who takes nothing is given up, and the stream is reset; the connection is none the worse.
CONFORMANCE(Http2Websocket, APeerThatTakesNothingIsGivenUp) {
  int code = 0;
  bool cancelled = false;
  http2_settings settings;
  settings.extended_connect = true;
  settings.stream_window = 1000;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        http2_head yes;
        yes.status = 200;
        s->send_head(yes, s->head().path != "/");
        co_await until_closed(*s);
        if (s->head().path == "/") cancelled = s->code() == http2_code::cancel;
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        {
          websocket ws =
              co_await c.websocket(ws_url(at, "/"), websocket_options().write_timeout(20ms));
          code = co_await code_thrown(ws.send(std::string(500'000, 'x')));
          EXPECT_TRUE(ws.ended());
        }
        EXPECT_EQ((co_await c.get(at + "/plain")).status(), 200);
        EXPECT_EQ(c.open_connections(), 1U);
      },
      settings);
  EXPECT_EQ(code, 1006);
  EXPECT_TRUE(cancelled);
}

// A server need not end its stream when both have closed (hypercorn waits for the client's): that
// costs the client no time.
CONFORMANCE(Http2Websocket, AClosedOneWaitsForNoEndOfTheStream) {
  bool ended = false;
  http2_settings settings;
  settings.extended_connect = true;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        http2_head yes;
        yes.status = 200;
        s->send_head(yes, false);
        co_await h2_client::send(*s, "\x88\x02\x03\xe8");  // Close, 1000
        while (!s->in_ended() && !s->closed()) {
          s->take_body();
          s->incoming.clear();
          co_await s->incoming.wait();
        }
        ended = s->in_ended();
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        const websocket_options o = websocket_options().close_timeout(1h);
        websocket heard = co_await c.websocket(ws_url(at, "/"), o);
        EXPECT_FALSE(co_await heard.receive());
        EXPECT_EQ(heard.close_code(), 1000);
        EXPECT_TRUE(heard.ended());
        websocket said = co_await c.websocket(ws_url(at, "/"), o);
        co_await said.close();
        EXPECT_EQ(said.close_code(), 1000);
        EXPECT_TRUE(said.ended());
        EXPECT_EQ(c.open_connections(), 1U);
      },
      settings);
  EXPECT_TRUE(ended);
}

// The same of a server's: what a handler has left unsent keeps its place for write_timeout.
CONFORMANCE(Http2Websocket, WhatAHandlerLeavesUnsentIsGivenUpInTime) {
  http::server server(server_options().write_timeout(20ms));
  server.websocket(
      "/", [](websocket& ws) -> task<> { co_await ws.send(std::string(50'000, 'x')); },
      websocket_options().close_timeout(20ms));
  server.route("GET", "/raw", [](server_request&) -> task<server_response> {
    co_return server_response::upgrade("websocket", [](http::upgraded_stream s) -> task<> {
      co_await s.write_all(net::bytes_of(std::string(50'000, 'x')));
    });
  });
  server.route("GET", "/plain",
               [](server_request&) -> task<server_response> { co_return server_response(204); });
  http2::http2_settings narrow = h2_client_settings();
  narrow.stream_window = 1000;
  co_await with_h2(
      server,
      [&](h2_client& c) -> task<> {
        for (const char* path : {"/", "/raw"}) {
          http2::http2_stream_ref stream = co_await opened(c, path);
          co_await h2_client::until_closed(*stream);
          EXPECT_EQ(stream->code(), http2_code::cancel);
          co_await c.until_free();
        }
        EXPECT_EQ((co_await c.get("/plain")).status, 204);
      },
      narrow);
}

// A message that a cancellation has cut leaves nothing to be said, and no answer to be waited for.
CONFORMANCE(Http2Websocket, OneWhoseMessageWasCutClosesAtOnce) {
  both_ends ends = co_await connected_over_http2(websocket_options().close_timeout(1h), 1000);
  const std::string text(200'000, 'x');
  EXPECT_FALSE(co_await try_for(1ms, ends.server.send(text)));
  EXPECT_EQ(co_await code_thrown(ends.server.send("more")), 1006);
  co_await ends.server.close();
  EXPECT_TRUE(ends.server.ended());
  EXPECT_EQ(co_await code_thrown(ends.client.receive()), 1006);
}

CONFORMANCE_RUNS(Http2Websocket, AHandlerThatThrowsClosesWith1011AndIsReported) {
  expect_1011_of_who_throws(reactor, over_http2());
}

// --- the stop ---

CONFORMANCE(Http2Websocket, AStopTellsEveryClientAndEnds) {
  talkative_server s;
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  http::stop_handle stop;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto serving = g.spawn([&] { return s.server.serve(std::move(listener), stop); });
    co_await with_h2_client(here, [&](h2_client& c) -> task<> {
      websocket one = websocket_on(co_await opened(c, "/echo"));
      websocket two = websocket_on(co_await opened(c, "/seen"));
      co_await expect_echo(one, "hello");
      stop.stop();
      EXPECT_FALSE(co_await one.receive());
      EXPECT_FALSE(co_await two.receive());
      EXPECT_EQ(one.close_code(), 1001);
      EXPECT_EQ(two.close_code(), 1001);
      co_await c.until_lost();
      EXPECT_TRUE(c.session().goaway_came());
      EXPECT_EQ(c.session().goaway_code(), http2_code::no_error);
    });
    co_await serving;
  });
  EXPECT_EQ(s.ended, std::vector<int>{1001});
}

CONFORMANCE(Http2Websocket, OneThatDoesNotAnswerTheStopIsCancelledAfterTheGrace) {
  http::server server(server_options().grace(20ms));
  bool unwound = false;
  server.websocket("/", [&](websocket& ws) -> task<> {
    struct at_end {
      bool& flag;
      ~at_end() { flag = is_unwinding(); }
    } const mine{unwound};
    co_await ws.ignore_incoming();
  });
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  http::stop_handle stop;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto serving = g.spawn([&] { return server.serve(std::move(listener), stop); });
    co_await with_h2_client(here, [&](h2_client& c) -> task<> {
      http2::http2_stream_ref silent = co_await opened(c, "/");
      stop.stop();
      co_await c.until_lost();
    });
    co_await serving;
  });
  EXPECT_TRUE(unwound);
}

// --- cancellation ---

// One WebSocket stands in the canceller's scope, from its opening to its close; the others on the
// connection, and a request, do not notice.
namespace {

task<> talk(http::client& c, std::string url, int messages) {
  numbered_traffic traffic;
  websocket ws = co_await c.websocket(std::move(url));
  co_await with_task_group([&](task_group& g) -> task<> {
    auto hearing = g.spawn([&]() -> task<> {
      while (const auto m = co_await ws.receive()) traffic.came(*m);
    });
    for (int i = 0; i < messages; ++i)
      co_await traffic.send(ws, static_cast<std::size_t>(i) * 30'000);
    (void)co_await ws.ping();
    co_await ws.close();
    (void)co_await hearing.join();
  });
  EXPECT_TRUE(traffic.in_order());
}

task<> others_beside_one(test::detail::canceller& canceller) {
  talkative_server s;
  co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
    http::client c(over_http2());
    EXPECT_EQ(co_await get_text(c, origin + "/plain"), "plain");
    websocket before = co_await c.websocket(ws_url(origin, "/echo"));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        cancel_scope scope;
        canceller.begin(scope);
        const auto one = co_await scope.run(talk(c, ws_url(origin, "/echo"), 4));
        canceller.end();
        if (one.has_error()) std::rethrow_exception(one.error());
      });
      for (int i = 0; i < 3; ++i) {
        co_await expect_echo(before, std::string(20'000, 'b'));
        EXPECT_EQ(co_await get_text(c, origin + "/plain"), "plain");
      }
      co_await talk(c, ws_url(origin, "/echo"), 3);
    });
    co_await expect_echo(before, "after");
    co_await before.close();
    EXPECT_EQ(c.open_connections(), 1U);
    co_await until([&] { return c.idle_connections() == 1; });
  });
}

std::size_t cancel_one_at_every_wait(reactor_kind reactor, test::cancel_moment moment) {
  std::size_t k = 0;
  const auto once = [&](test::detail::canceller& c) {
    run(test::detail::watched(c, others_beside_one(c)), options_for(reactor));
    if (testing::Test::HasFailure()) throw test::failure("an expectation failed");
  };
  try {
    while (test::detail::cancel_once(moment, k, once)) ++k;
  } catch (const test::failure& f) {
    ADD_FAILURE() << f.what() << ", at " << k;
  }
  return k;
}

}  // namespace

CONFORMANCE_RUNS(Http2Websocket, OthersDoNotNoticeOneThatIsCancelled) {
  EXPECT_GE(cancel_one_at_every_wait(reactor, test::cancel_moment::at_rest), 15U);
}

CONFORMANCE_RUNS(Http2Websocket, OthersDoNotNoticeOneThatIsCancelledAsItGoesOn) {
  EXPECT_GE(cancel_one_at_every_wait(reactor, test::cancel_moment::at_wake), 15U);
}

// All of it is cancelled: the client, its connection and the server.
CONFORMANCE_RUNS(Http2Websocket, CanBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    talkative_server s;
    co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
      http::client c(over_http2());
      co_await talk(c, ws_url(origin, "/echo"), 3);
    });
  });
  EXPECT_GT(n.at_rest, 10U);
  EXPECT_GT(n.at_wake, 10U);
}

CONFORMANCE_RUNS(Http2Websocket, NumberedMessagesAreNeitherLostNorDoubledWhereverItIsCancelled) {
  cancelled_everywhere(reactor,
                       [](websocket_options o) { return connected_over_http2(std::move(o)); });
}

CONFORMANCE(Http2Websocket, IsUsedOnAfterACancellationAnywhere) {
  int cancelled = 0, went_on = 0;
  for (const std::uint32_t window : {1000U, 65'536U}) {
    const auto connect = [window](websocket_options o) {
      return connected_over_http2(std::move(o), window);
    };
    for (int steps = 0; steps < 40; ++steps) {
      bool was = false;
      co_await cancelled_and_used_on(connect, steps, &was, &went_on);
      cancelled += was ? 1 : 0;
      if (testing::Test::HasFailure()) co_return;
    }
  }
  EXPECT_GT(cancelled, 0);
  EXPECT_GT(went_on, 0);
}

}  // namespace http2_websocket_cases
