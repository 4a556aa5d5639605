// Fields that a user sets, and what they change of those that the client sets itself.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace http_fields {

namespace {

// Records the heads of what it is asked, and gives the same answer to all.
struct recording_peer {
  std::string reply = ok;
  std::vector<std::string> heads;
  int connections = 0;

  task<> operator()(tcp_stream& s, int) {
    ++connections;
    if (speaks_http2()) {
      co_await answer_over_http2(s, [this](std::string head) {
        heads.push_back(std::move(head));
        return reply;
      });
      co_return;
    }
    net::buffered_reader in(s);
    for (;;) {
      std::string head = co_await read_head(in);
      if (head.empty()) co_return;
      heads.push_back(std::move(head));
      co_await write_text(s, reply);
    }
  }
};

template <class Body>
task<> with_recording(recording_peer& p, Body body) {
  co_await with_peer([&](tcp_stream& s, int n) { return p(s, n); }, body);
}

// Names are as they were spelled; those of HTTP/2 have no spelling.
std::string as_compared(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (speaks_http2() && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}
bool has_line(const std::string& head, std::string_view line) {
  return as_compared(head).find(as_compared("\r\n" + std::string(line) + "\r\n")) !=
         std::string::npos;
}
bool has_field(const std::string& head, std::string_view name) {
  return as_compared(head).find(as_compared("\r\n" + std::string(name) + ": ")) !=
         std::string::npos;
}

template <class Fn>
bool refused(Fn fn) {
  try {
    fn();
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

task<> send_to_end(http::client& c, http::request r) {
  http::response answer = co_await c.send(std::move(r));
  co_await answer.bytes();
}

}  // namespace

EVERY_VERSION(HttpFields, ARangeIsNotOfACodedBody) {
  recording_peer p;
  co_await with_recording(p, [&](std::string at) -> task<> {
    http::client c(spoken());
    co_await send_to_end(c, http::request("GET", at));
    EXPECT_FALSE(has_line(p.heads.back(), "Accept-Encoding: identity"));
    for (const char* name : {"Range", "range", "If-Range"}) {
      co_await send_to_end(c, http::request("GET", at).header(name, "bytes=-5"));
      EXPECT_TRUE(has_line(p.heads.back(), "Accept-Encoding: identity")) << name;
      co_await send_to_end(
          c, http::request("GET", at).header(name, "bytes=-5").header("Accept-Encoding", "gzip"));
      EXPECT_TRUE(has_line(p.heads.back(), "Accept-Encoding: gzip")) << name;
    }
    co_await send_to_end(c, http::request("GET", at).header("Range", "bytes=-5").decode(false));
    EXPECT_FALSE(has_field(p.heads.back(), "Accept-Encoding"));
    http::client always(spoken().header("Range", "bytes=0-99"));
    co_await send_to_end(always, http::request("GET", at));
    EXPECT_TRUE(has_line(p.heads.back(), "Accept-Encoding: identity"));
    co_await send_to_end(always, http::request("GET", at).header("accept-encoding", "br"));
    EXPECT_TRUE(has_line(p.heads.back(), "accept-encoding: br"));
  });
}

EVERY_VERSION(HttpFields, APartOfACodedBodyComesAsItIs) {
  recording_peer p;
  p.reply =
      "HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Range: bytes 5-9/30\r\n"
      "Content-Length: 5\r\n\r\nslice";
  co_await with_recording(p, [&](std::string at) -> task<> {
    http::client c(spoken());
    http::response r = co_await c.send(
        http::request("GET", at).header("Range", "bytes=5-9").header("Accept-Encoding", "gzip"));
    EXPECT_EQ(co_await r.text(), "slice");
  });
}

CONFORMANCE(HttpFields, OfAConnectionAreTheClients) {
  for (const char* name : {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect",
                           "Keep-Alive", "Proxy-Connection", "Upgrade", "upgrade", "TE"}) {
    EXPECT_TRUE(refused([&] { http::request("GET", "http://a.test/").header(name, "x"); })) << name;
    EXPECT_TRUE(refused([&] { http::client_options().header(name, "x"); })) << name;
  }
  EXPECT_TRUE(refused([] { http::client_options().header("TE", "trailers, deflate"); }));
  recording_peer p;
  co_await with_recording(p, [&](std::string at) -> task<> {
    http::client c;
    co_await send_to_end(c, http::request("GET", at).header("TE", "trailers"));
    EXPECT_TRUE(has_line(p.heads.back(), "TE: trailers"));
    EXPECT_TRUE(has_line(p.heads.back(), "Connection: TE"));
    co_await send_to_end(c, http::request("GET", at));
    EXPECT_FALSE(has_field(p.heads.back(), "Connection"));
    http::client always(http::client_options().header("te", "Trailers"));
    co_await send_to_end(always, http::request("GET", at));
    EXPECT_TRUE(has_line(p.heads.back(), "Connection: TE"));
  });
}

EVERY_VERSION(HttpFields, NothingIsExpectedForABodyThatIsNotThere) {
  recording_peer p;
  co_await with_recording(p, [&](std::string at) -> task<> {
    http::client c(spoken());
    for (const char* method : {"GET", "POST", "PUT"}) {
      co_await send_to_end(c, http::request(method, at).expect_continue());
      EXPECT_FALSE(has_field(p.heads.back(), "Expect")) << method;
      co_await send_to_end(c, http::request(method, at).body("").expect_continue());
      EXPECT_FALSE(has_field(p.heads.back(), "Expect")) << method;
      EXPECT_EQ(count_of(p.heads.back(), "Content-Length: 0"), 1U) << method;
    }
  });
}

EVERY_VERSION(HttpFields, CookiesOfTheClientsGoBesideThoseOfTheJar) {
  recording_peer p;
  p.reply = "HTTP/1.1 200 OK\r\nSet-Cookie: jar=1\r\nContent-Length: 0\r\n\r\n";
  co_await with_recording(p, [&](std::string at) -> task<> {
    http::client c(spoken().header("Cookie", "common=1; more=2"));
    co_await send_to_end(c, http::request("GET", at));
    EXPECT_TRUE(has_line(p.heads.back(), "Cookie: common=1; more=2"));
    co_await send_to_end(c, http::request("GET", at));
    EXPECT_TRUE(has_line(p.heads.back(), "Cookie: common=1; more=2; jar=1"));
    co_await send_to_end(c, http::request("GET", at).cookie("own", "3"));
    EXPECT_TRUE(has_line(p.heads.back(), "Cookie: own=3; common=1; more=2; jar=1"));
    EXPECT_EQ(count_of(p.heads.back(), "Cookie: "), 1U);
    co_await send_to_end(c, http::request("GET", at).header("cookie", "all=4").cookie("own", "3"));
    EXPECT_TRUE(has_line(p.heads.back(), "cookie: all=4"));
    EXPECT_FALSE(has_line(p.heads.back(), "Cookie: all=4; own=3"));
    if (!speaks_http2()) EXPECT_FALSE(has_field(p.heads.back(), "Cookie"));
    http::client none(spoken().header("Cookie", "common=1").cookies(nullptr));
    co_await send_to_end(none, http::request("GET", at));
    co_await send_to_end(none, http::request("GET", at));
    EXPECT_TRUE(has_line(p.heads.back(), "Cookie: common=1"));
  });
}

CONFORMANCE(HttpFields, WhatIsForAProxyStaysOutOfItsTunnel) {
  recording_peer p;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        {
          net::buffered_reader in(s);
          co_await read_head(in);
        }
        co_await write_text(s, "HTTP/1.1 200 OK\r\n\r\n");
        co_await p(s, 0);
      },
      [&](std::string at) -> task<> {
        http::client c(http::client_options().proxy(http::proxy(at).tunnel()));
        co_await send_to_end(
            c,
            http::request("GET", "http://a.test/").header("Proxy-Authorization", "Basic c2VjcmV0"));
        EXPECT_FALSE(has_field(p.heads.back(), "Proxy-Authorization"));
        http::client always(http::client_options()
                                .proxy(http::proxy(at).tunnel())
                                .header("Proxy-Authorization", "Basic c2VjcmV0"));
        co_await send_to_end(always, http::request("GET", "http://a.test/"));
        EXPECT_FALSE(has_field(p.heads.back(), "Proxy-Authorization"));
      });
}

EVERY_VERSION(HttpFields, AHostMayBeHandedOn) {
  recording_peer p;
  co_await with_recording(p, [&](std::string at) -> task<> {
    http::client c(spoken());
    for (const char* host : {"front.test", "front.test:8080", "[::1]:80"}) {
      co_await send_to_end(c, http::request("GET", at).host(host));
      EXPECT_TRUE(has_line(p.heads.back(), "Host: " + std::string(host)));
      EXPECT_EQ(count_of(p.heads.back(), "Host: "), 1U);
    }
    co_await send_to_end(c, http::request("GET", at));
    EXPECT_TRUE(has_line(p.heads.back(), "Host: " + at.substr(7)));
    EXPECT_EQ(p.connections, 1);
    for (const char* bad : {"", "a b", "a\r\nX: y", "a/b", "u@a", "a:b", "[::1"})
      EXPECT_TRUE(refused([&] { http::request("GET", at).host(bad); })) << bad;
  });
}

EVERY_VERSION(HttpFields, AHostOfOnesOwnAndNamedSecretsStayAtTheirOrigin) {
  recording_peer first;
  recording_peer second;
  co_await with_recording(second, [&](std::string elsewhere) -> task<> {
    co_await with_recording(first, [&, elsewhere](std::string at) -> task<> {
      const auto redirect = [](const std::string& to) {
        return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + "\r\n\r\n";
      };
      http::client c(spoken()
                         .secret_header("X-Api-Key")
                         .secret_header("x-token")
                         .header("X-Token", "common")
                         .follow(1));
      const auto ask = [&]() -> task<> {
        (void)co_await as_result(
            c.send(http::request("GET", at + "/").host("front.test").header("x-api-key", "own")));
      };
      first.reply = redirect(elsewhere + "/");
      co_await ask();
      EXPECT_TRUE(has_line(first.heads.back(), "Host: front.test"));
      EXPECT_TRUE(has_line(first.heads.back(), "x-api-key: own"));
      EXPECT_TRUE(has_line(first.heads.back(), "X-Token: common"));
      EXPECT_EQ(second.heads.size(), 1U);
      if (second.heads.empty()) co_return;
      EXPECT_TRUE(has_line(second.heads.back(), "Host: " + elsewhere.substr(7)));
      EXPECT_FALSE(has_field(second.heads.back(), "x-api-key"));
      EXPECT_FALSE(has_field(second.heads.back(), "X-Token"));
      first.heads.clear();
      first.reply = redirect("/again");  // the same origin: all of it goes along
      co_await ask();
      EXPECT_EQ(first.heads.size(), 2U);
      EXPECT_TRUE(has_line(first.heads.back(), "Host: front.test"));
      EXPECT_TRUE(has_line(first.heads.back(), "x-api-key: own"));
      EXPECT_TRUE(has_line(first.heads.back(), "X-Token: common"));
    });
  });
  EXPECT_TRUE(refused([] { spoken().secret_header(""); }));
  EXPECT_TRUE(refused([] { spoken().secret_header("a b"); }));
}

}  // namespace http_fields
