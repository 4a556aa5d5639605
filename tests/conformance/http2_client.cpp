// The client over HTTP/2: the same requests and responses, many at once on one connection.
#include "http/http2_peer.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace http2_client {

namespace {

// What the server has got, as text.
task<> mirror(http2_peer& /*p*/, http2_stream_ref s) {
  const http2_head h = std::move(s->head());
  std::string all = h.method + ' ' + h.scheme + ' ' + h.authority + ' ' + h.path + '\n';
  for (const auto& [name, value] : h.fields)
    all += std::string(name) + ": " + std::string(value) + '\n';
  all += '\n' + co_await body_of(*s);
  co_await answer(*s, 200, all);
}

task<> say_ok(http2_peer& /*p*/, http2_stream_ref s) { co_await answer(*s, 200, "ok"); }

// Sends the body back while it comes, and keeps nothing: what is not taken, it does not read.
task<> echo(http2_peer& /*p*/, http2_stream_ref s) {
  http2_head h;
  h.status = 200;
  s->send_head(h, false);
  while (!s->closed()) {
    if (s->unread() > 0 && s->room() == 0) {
      s->outgoing.clear();
      co_await s->outgoing.wait();
    } else if (s->unread() > 0) {
      s->write(net::bytes_of(s->take_body(s->room())));
    } else if (s->in_ended()) {
      s->end();
      co_return;
    } else {
      s->incoming.clear();
      co_await s->incoming.wait();
    }
  }
}

std::string big(std::size_t size) {
  std::string text = pattern(size);
  return text;
}

}  // namespace

CONFORMANCE(Http2Client, SaysWhatARequestSays) {
  co_await with_http2_peer(mirror, [](std::string at) -> task<> {
    http::client c(over_http2().header("X-Default", "d"));
    response r = co_await c.send(http::request("GET", at + "/x?a=1").header("X-Id", "7"));
    EXPECT_EQ(r.status(), 200);
    EXPECT_EQ(r.version(), http::version::http_2);
    EXPECT_EQ(r.reason(), "OK");
    EXPECT_EQ(co_await r.text(), "GET http " + at.substr(7) +
                                     " /x?a=1\nx-id: 7\nx-default: d\nuser-agent: rondo\n"
                                     "accept: */*\naccept-encoding: gzip, deflate, br, zstd\n\n");
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

CONFORMANCE(Http2Client, SendsBodiesOfEveryKind) {
  co_await with_http2_peer(mirror, [](std::string at) -> task<> {
    http::client c(over_http2());
    const auto sent_and_back = [&](http::request r) -> task<std::string> {
      response answer = co_await c.send(std::move(r));
      const std::string all = co_await answer.text();
      co_return all.substr(all.find("\n\n") + 2);
    };
    EXPECT_EQ(co_await sent_and_back(http::request("POST", at).body("small")), "small");
    EXPECT_EQ(co_await sent_and_back(http::request("POST", at).body("")), "");
    const std::string large = big(3'000'000);
    EXPECT_EQ(co_await sent_and_back(http::request("POST", at).body(large)), large);
    int taken = 0;
    EXPECT_EQ(co_await sent_and_back(
                  http::request("PUT", at).body(counted_body(std::string(70'000, 'x'), 5, taken))),
              std::string(350'000, 'x'));
    int again = 0;
    EXPECT_EQ(
        co_await sent_and_back(http::request("PUT", at).body(counted_body("abc", 4, again), 12)),
        "abcabcabcabc");
    EXPECT_EQ(co_await sent_and_back(http::request("PUT", at).expect_continue().body("asked")),
              "asked");
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

CONFORMANCE(Http2Client, ReadsALargeBodyAtItsOwnPace) {
  const std::string large = big(5'000'000);
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        co_await answer(*s, 200, large, {}, http::headers{{"X-Sum", "1"}});
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        response r = co_await c.get(at);
        std::string got;
        std::vector<std::byte> room(10'000);
        while (const std::size_t n = co_await r.read_some(room))
          got.append(reinterpret_cast<const char*>(room.data()), n);
        EXPECT_TRUE(got == large);
        EXPECT_EQ(r.trailers().get("X-Sum"), "1");
        EXPECT_EQ(c.idle_connections(), 1U);
      });
}

// Our window of a stream is of 2 MiB, the server's of 256 KiB.
CONFORMANCE(Http2Client, MovesMoreBothWaysThanTheWindowsHold) {
  constexpr int pieces = 100;
  co_await with_http2_peer(echo, [](std::string at) -> task<> {
    http::client c(over_http2());
    int taken = 0;
    http::request r = http::request("PUT", at).body(counted_body(big(64 * 1024), pieces, taken));
    const std::string got = co_await c.send(
        std::move(r), [](response& back) -> task<std::string> { co_return co_await back.text(); });
    EXPECT_EQ(got.size(), pieces * std::size_t{64 * 1024});
    EXPECT_EQ(got.substr(got.size() - 64 * 1024), big(64 * 1024));
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

// Nobody reads the response before the body has gone, and the server takes no more of the body
// before somebody reads. Who cannot know wants a limit; the connection is none the worse.
CONFORMANCE(Http2Client, APlainSendToAnEchoOfMoreThanTheWindowsHoldRunsIntoItsLimit) {
  co_await with_http2_peer(
      [](http2_peer& p, http2_stream_ref s) -> task<> {
        return s->head().path == "/ok" ? say_ok(p, std::move(s)) : echo(p, std::move(s));
      },
      [](std::string at) -> task<> {
        http::client c(over_http2().timeout(http::phase::write, 50ms));
        int taken = 0;
        try {
          co_await c.send(http::request("PUT", at).body(counted_body(big(64 * 1024), 100, taken)));
          ADD_FAILURE() << "the server has taken what it could not";
        } catch (const http::timeout_error& e) {
          EXPECT_EQ(e.phase(), http::phase::write);
        }
        EXPECT_LT(taken, 100);
        EXPECT_EQ(co_await get_text(c, at + "/ok"), "ok");
        EXPECT_EQ(c.open_connections(), 1U);
        EXPECT_EQ(c.idle_connections(), 1U);
      });
}

CONFORMANCE(Http2Client, ManyAtOnceShareAConnection) {
  int connections = 0;
  int streams = 0;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        connections = std::max(connections, p.number + 1);
        ++streams;
        co_await sleep_for(1ms);
        co_await answer(*s, 200, s->head().path);
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        std::vector<task<std::string>> work;
        for (int i = 0; i < 50; ++i) work.push_back(get_text(c, at + "/" + std::to_string(i)));
        const std::vector<std::string> all = co_await gather(std::move(work));
        for (int i = 0; i < 50; ++i)
          EXPECT_EQ(all[static_cast<std::size_t>(i)], "/" + std::to_string(i));
        EXPECT_EQ(c.open_connections(), 1U);
      });
  EXPECT_EQ(connections, 1);
  EXPECT_EQ(streams, 50);
}

CONFORMANCE(Http2Client, AnswersWithoutABody) {
  co_await with_http2_peer(
      [](http2_peer&, http2_stream_ref s) -> task<> {
        http2_head h;
        const std::string& path = s->head().path;
        h.status = path == "/head" ? 200 : std::stoi(path.substr(1));
        h.fields = http::headers{{"Content-Length", "5"}};
        if (path != "/head") h.fields.clear();
        s->send_head(h, true);
        co_return;
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        response head = co_await c.head(at + "/head");
        EXPECT_EQ(head.headers().get("Content-Length"), "5");
        EXPECT_EQ(co_await head.text(), "");
        for (const char* status : {"204", "304", "200"}) {
          response r = co_await c.get(at + "/" + status);
          EXPECT_EQ(r.status(), std::stoi(status));
          EXPECT_EQ(co_await r.text(), "");
        }
        EXPECT_EQ(c.idle_connections(), 1U);
      });
}

CONFORMANCE(Http2Client, FollowsRedirectsAndKeepsCookies) {
  co_await with_http2_peer(
      [](http2_peer& p, http2_stream_ref s) -> task<> {
        if (s->head().path == "/from")
          co_await answer(*s, 302, "gone",
                          http::headers{{"Location", "/to"}, {"Set-Cookie", "a=1"}});
        else
          co_await mirror(p, std::move(s));
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        response r = co_await c.get(at + "/from");
        EXPECT_EQ(r.history().size(), 1U);
        const std::string text = co_await r.text();
        EXPECT_NE(text.find("cookie: a=1\n"), std::string::npos) << text;
        EXPECT_EQ(c.open_connections(), 1U);
      });
}

CONFORMANCE(Http2Client, AResponseThatIsDroppedIsReset) {
  std::vector<http2_code> codes;
  event reset;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        if (s->head().path == "/ok") {
          co_await answer(*s, 200, "ok");
          co_return;
        }
        http2_head h;
        h.status = 200;
        s->send_head(h, false);
        s->write(net::bytes_of("some"));
        co_await until_closed(*s);
        codes.push_back(s->code());
        reset.set();
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        {
          response r = co_await c.get(at + "/long");
          EXPECT_FALSE((co_await r.next_chunk()).empty());
        }
        co_await reset.wait();
        EXPECT_EQ(co_await get_text(c, at + "/ok"), "ok");
        EXPECT_EQ(c.open_connections(), 1U);
        EXPECT_EQ(c.idle_connections(), 1U);
      });
  EXPECT_EQ(codes, std::vector{http2_code::cancel});
}

CONFORMANCE(Http2Client, ATracerSeesEachFrame) {
  struct frames final : http::tracer {
    void on(const http::trace_event& e) override {
      if (e.what == http::trace_point::frame) (e.number == 1 ? sent : came).emplace_back(e.text);
      if (e.what == http::trace_point::head_sent) head = e.text;
    }
    std::vector<std::string> sent;
    std::vector<std::string> came;
    std::string head;
  };
  const auto seen = std::make_shared<frames>();
  co_await with_http2_peer(say_ok, [&](std::string at) -> task<> {
    http::client c(over_http2().trace(seen));
    EXPECT_EQ(co_await get_text(c, at + "/x"), "ok");
  });
  const auto has = [](const std::vector<std::string>& all, const std::string& begin) {
    return std::ranges::any_of(all, [&](const std::string& f) { return f.starts_with(begin); });
  };
  EXPECT_TRUE(seen->head.starts_with(":method: GET\r\n:scheme: http\r\n")) << seen->head;
  EXPECT_TRUE(has(seen->sent, "SETTINGS "));
  EXPECT_TRUE(has(seen->sent, "HEADERS stream 1 END_STREAM "));
  EXPECT_TRUE(has(seen->came, "SETTINGS "));
  EXPECT_TRUE(has(seen->came, "HEADERS stream 1 "));
  EXPECT_TRUE(has(seen->came, "DATA stream 1 "));
}

CONFORMANCE(Http2Client, PriorKnowledgeIsNotGuessed) {
  // A client that was told nothing speaks HTTP/1.1 in clear.
  http::server server;
  server.route("GET", "/", [](http::server_request& r) -> task<http::server_response> {
    co_return http::server_response::text(std::string(to_string(r.version())));
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c;
    EXPECT_EQ(co_await get_text(c, at), "HTTP/1.1");
    http::client never(http::client_options().http2(http::http2::never));
    EXPECT_EQ(co_await get_text(never, at), "HTTP/1.1");
  });
}

}  // namespace http2_client
