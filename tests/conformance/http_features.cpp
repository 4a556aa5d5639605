// What a client does between a request and the wire: cookies, content codings, Digest, proxies, the
// guard, policies, and what a tracer sees.
#include "http/bombs.hpp"
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/environment_variable.hpp"

#include <rondo/http.hpp>
#include <rondo/http/client/digest.hpp>

#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::phase;
using http::server_request;
using http::server_response;
using http::trace_point;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "hello hello hello hello\n"
const std::string gzip_hello =
    rondo::test::bytes_from_hex("1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000");
// 64 MiB of zeros.
const std::string brotli_bomb = rondo::test::bytes_from_hex(
    "cfffff7ff82700e2b14020f7fe9ffffffff04f00c4610180eefd3fffffff"
    "e19f0088c32200ddfbfffcffffc73f0110870500baf7ff");
const std::string hello = "hello hello hello hello\n";

}  // namespace

// A server that fills the jar does not make its own requests too long.
CONFORMANCE(HttpCookies, FillNoMoreThanAFieldOf8190Bytes) {
  std::vector<std::string> heads;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        for (;;) {
          heads.push_back(co_await read_head(in));
          if (heads.back().empty()) co_return;
          std::string set;
          for (int i = 0; i < 14; ++i)
            set += "Set-Cookie: c" + std::to_string(heads.size() * 100 + i) + '=' +
                   std::string(4000, 'x') + "\r\n";
          co_await write_text(s, "HTTP/1.1 200 OK\r\n" + set + "Content-Length: 0\r\n\r\n");
        }
      },
      [&](std::string at) -> task<> {
        http::client c;
        for (int i = 0; i < 10; ++i) co_await get_text(c, at + "/");
        co_await c.send(http::request("GET", at + "/").cookie("own", std::string(5000, 'y')));
        EXPECT_EQ(c.cookies()->size(), 50U);
      });
  EXPECT_EQ(heads.size(), 11U + (heads.back().empty() ? 1 : 0));
  for (std::size_t i = 1; i < 11 && i < heads.size(); ++i) {
    const std::size_t from = heads[i].find("Cookie: ");
    EXPECT_LE(heads[i].find("\r\n", from) - from, 8190U) << i;
    EXPECT_EQ(std::ranges::count(heads[i], ';'), i < 10 ? 1 : 0) << i;
  }
}

EVERY_VERSION(HttpCookies, AreKeptOfTheFinalResponseAlone) {
  co_await with_peer(answers("HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1; path=/\r\n\r\n"
                             "HTTP/1.1 200 OK\r\nSet-Cookie: last=1; path=/\r\n"
                             "Content-Length: 0\r\n\r\n"),
                     [](std::string at) -> task<> {
                       http::client c(spoken());
                       co_await get_text(c, at + "/");
                       EXPECT_EQ(c.cookies()->header_for(http::url::parse(at + "/")), "last=1");
                     });
}

// RFC 3986, section 6.2.2.1, knows no other normal form of a host than its lower case.
EVERY_VERSION(HttpCookies, AndConnectionsAreNotSharedWithTheNameThatHasADotAtItsEnd) {
  http::server server;
  std::vector<std::string> seen;
  server.route("GET", "/", [&](server_request& r) -> task<server_response> {
    seen.push_back(std::string(r.headers().get("host").value_or("")) + ' ' +
                   std::string(r.headers().get("cookie").value_or("")));
    co_return server_response(200).header("Set-Cookie", "a=1; path=/");
  });
  std::string port;
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    port = std::to_string(here.port());
    http::client c(spoken());
    for (const char* host : {"http://localhost:", "http://localhost.:", "http://localhost:"})
      co_await get_text(c, host + port + "/");
    EXPECT_EQ(c.open_connections(), 2U);
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"localhost:" + port + ' ', "localhost.:" + port + ' ',
                                            "localhost:" + port + " a=1"}));
}

EVERY_VERSION(HttpCookies, ComeBackAlsoThroughARedirect) {
  http::server server;
  std::vector<std::string> sent;
  server.route("GET", "/set", [&](server_request& r) -> task<server_response> {
    sent.emplace_back(r.headers().get("cookie").value_or(""));
    co_return server_response(302).header("Location", "/see").header("Set-Cookie", "a=1; path=/");
  });
  server.route("GET", "/see", [&](server_request& r) -> task<server_response> {
    sent.emplace_back(r.headers().get("cookie").value_or(""));
    co_return server_response(200).header("Set-Cookie", "b=2; path=/see");
  });
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(spoken());
    co_await c.get(at + "/set");
    co_await c.send(http::request("GET", at + "/see").cookie("own", "0"));
    co_await c.send(http::request("GET", at + "/see").header("Cookie", "mine=1"));
    EXPECT_EQ(c.cookies()->size(), 2U);
    auto jar = std::make_shared<http::cookie_jar>();
    http::client with_jar(spoken().cookies(jar));
    co_await with_jar.get(at + "/see");
    EXPECT_EQ(jar->size(), 1U);
    http::client none(spoken().cookies(nullptr));
    co_await none.get(at + "/set");
    EXPECT_EQ(none.cookies(), nullptr);
  });
  EXPECT_EQ(sent, (std::vector<std::string>{"", "a=1", "own=0; b=2; a=1", "mine=1", "", "", ""}));
}

#ifdef RONDO_HAVE_ZLIB
EVERY_VERSION(HttpCoding, IsAskedForAndTakenOff) {
  http::server server;
  std::string asked;
  server.route("GET", "/", [&](server_request& r) -> task<server_response> {
    asked = r.headers().get("accept-encoding").value_or("");
    co_return server_response::bytes(gzip_hello).header("Content-Encoding", "gzip");
  });
  server.route("GET", "/bytes", [](server_request&) -> task<server_response> {
    co_return server_response::stream(http::make_body([n = std::size_t{0}]() mutable
                                                          -> task<std::optional<std::string>> {
      if (n == gzip_hello.size()) co_return std::nullopt;
      co_await yield_now();
      co_return gzip_hello.substr(n++, 1);
    })).header("Content-Encoding", "gzip");
  });
  server.route("GET", "/half", [](server_request&) -> task<server_response> {
    co_return server_response::bytes(gzip_hello.substr(0, 20)).header("Content-Encoding", "gzip");
  });
  server.route("GET", "/odd", [](server_request&) -> task<server_response> {
    co_return server_response::bytes("x").header("Content-Encoding", "compress");
  });
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(spoken());
    EXPECT_EQ(co_await get_text(c, at + "/"), hello);
    EXPECT_TRUE(contains(asked, "gzip")) << asked;
    EXPECT_EQ(co_await get_text(c, at + "/bytes"), hello);
    EXPECT_EQ(c.open_connections(), 1U);
    http::response raw = co_await c.send(http::request("GET", at + "/").decode(false));
    EXPECT_EQ(co_await raw.text(), gzip_hello);
    EXPECT_EQ(asked, "");
    co_await c.send(http::request("GET", at + "/").header("Accept-Encoding", "gzip;q=1"));
    EXPECT_EQ(asked, "gzip;q=1");
    http::response piecewise = co_await c.get(at + "/");
    std::string out;
    std::array<std::byte, 5> room{};
    for (std::size_t n = 1; n > 0;) {
      n = co_await piecewise.read_some(room);
      out.append(reinterpret_cast<const char*>(room.data()), n);
    }
    EXPECT_EQ(out, hello);
    const auto half = co_await caught<http::body_error>(get_text(c, at + "/half"));
    EXPECT_TRUE(half && half->why() == http::body_error::reason::truncated &&
                half->url() == at + "/half" && half->phase() == phase::body);
    const auto odd = co_await caught<http::body_error>(get_text(c, at + "/odd"));
    EXPECT_TRUE(odd && odd->why() == http::body_error::reason::bad_coding);
    const auto large =
        co_await caught<http::body_error>([](http::client& k, std::string u) -> task<> {
          http::response r = co_await k.send(http::request("GET", u).max_decoded(hello.size() - 1));
          co_await r.text();
        }(c, at + "/"));
    EXPECT_TRUE(large && large->why() == http::body_error::reason::too_large);
    EXPECT_EQ(c.open_connections(), c.idle_connections());
  });
}
#endif

#ifdef RONDO_HAVE_BROTLI
EVERY_VERSION(HttpCoding, LetsOthersRunWhileABombIsTakenApart) {
  co_await with_peer(
      answers("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: " +
              std::to_string(brotli_bomb.size()) + "\r\n\r\n" + brotli_bomb),
      [](std::string at) -> task<> {
        http::client c(spoken());
        std::uint64_t turns = 0;
        http::response r = co_await c.send(http::request("GET", at + "/").max_decoded(20 << 20));
        std::uint64_t bytes = (co_await r.next_chunk()).size();  // all of it has come
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (;; ++turns) co_await yield_now();
          });
          try {
            for (;;) bytes += (co_await r.next_chunk()).size();
          } catch (const http::body_error& e) {
            EXPECT_EQ(e.why(), http::body_error::reason::too_large);
          }
          g.cancel();
        });
        EXPECT_GT(bytes, 19U << 20);
        EXPECT_LE(bytes, 20U << 20);
        EXPECT_GT(turns, 20U);
      });
}
#endif

#ifdef RONDO_HAVE_ZLIB
namespace {

std::string coded_answer(const std::string& coding, const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Encoding: " + coding +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

task<std::uint64_t> length_of(http::response& r) {
  std::uint64_t n = 0;
  for (;;) {
    const std::size_t more = (co_await r.next_chunk()).size();
    if (more == 0) co_return n;
    n += more;
  }
}

}  // namespace

// A minute of work without the limit. However it is read, it ends by the total time, while nothing
// is awaited of the network.
ON_KERNEL_REACTORS(HttpCoding, KeepsToTheTotalTimeWhileABodyIsDecoded) {
  run_on(reactor, []() -> task<> {
    for (const std::string* bomb : {&rondo::test::bomb_of_nothing, &rondo::test::bomb_of_zeros})
      co_await with_peer(
          answers(coded_answer("gzip, gzip, gzip, gzip", *bomb)), [&](std::string at) -> task<> {
            http::client c;
            const auto streamed = [&]() -> task<> {
              http::response r = co_await c.send(http::request("GET", at + "/").timeout(100ms));
              co_await length_of(r);
            };
            const auto whole = [&]() -> task<> {
              http::response r = co_await c.send(
                  http::request("GET", at + "/").timeout(100ms).max_decoded(1ULL << 40));
              co_await r.text();
            };
            const auto e = co_await caught<http::timeout_error>(streamed());
            EXPECT_TRUE(e && e->phase() == phase::total && e->url() == at + "/");
            if (bomb == &rondo::test::bomb_of_nothing) {
              const auto t = co_await caught<http::timeout_error>(whole());
              EXPECT_TRUE(t && t->phase() == phase::total);
            }
            EXPECT_EQ(c.open_connections(), 0U);
          });
  });
}

// What has come and was decoded is late all the same.
TEST(HttpCodingDeadline, HoldsBetweenTwoPiecesThatAreAtHand) {
  simulate([]() -> task<> {
    co_await with_peer(answers(coded_answer("gzip, gzip, gzip, gzip", rondo::test::bomb_of_zeros)),
                       [](std::string at) -> task<> {
                         http::client c;
                         http::response r =
                             co_await c.send(http::request("GET", at + "/").timeout(10s));
                         EXPECT_GT((co_await r.next_chunk()).size(), 0U);
                         co_await sleep_for(9s);
                         EXPECT_GT((co_await r.next_chunk()).size(), 0U);
                         co_await sleep_for(1s);
                         const auto e = co_await caught<http::timeout_error>(r.next_chunk());
                         EXPECT_TRUE(e && e->phase() == phase::total);
                         EXPECT_EQ(c.open_connections(), 0U);
                       });
  });
}

// A body that lasts for a minute can be left at any moment.
ON_KERNEL_REACTORS(HttpCoding, CanBeCancelledWhileItMakesNothing) {
  run_on(reactor, []() -> task<> {
    co_await with_peer(
        answers(coded_answer("gzip, gzip, gzip, gzip", rondo::test::bomb_of_nothing)),
        [&](std::string at) -> task<> {
          http::client c;
          http::response r = co_await c.get(at + "/");
          EXPECT_FALSE(co_await try_for(50ms, length_of(r)));
          EXPECT_EQ(c.open_connections(), 0U);
        });
  });
}

// 200 members without a byte are four steps, with a turn for others between them.
EVERY_VERSION_RUNS(HttpCoding, DecodingInStepsLeavesNothingWhereverItIsCancelled) {
  std::string body;
  for (int i = 0; i < 200; ++i)
    body += rondo::test::bytes_from_hex("1f8b08000000000000030300" + std::string(16, '0'));
  body += gzip_hello;
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    http::server server;
    server.route("GET", "/", [&](server_request&) -> task<server_response> {
      co_return server_response::bytes(body).header("Content-Encoding", "gzip");
    });
    co_await with_server(server, [](std::string at, endpoint) -> task<> {
      http::client c(spoken());
      EXPECT_EQ(co_await get_text(c, at + "/"), hello);
    });
  });
  EXPECT_GE(n.at_rest, 6U);
}

CONFORMANCE(HttpCoding, GivesAWholeBodyOf64MebibytesAndStreamsWithoutALimit) {
  constexpr std::uint64_t most = 64 << 20;
  co_await with_peer(
      answers(coded_answer("gzip, gzip, gzip, gzip", rondo::test::bomb_of_zeros)),
      [&](std::string at) -> task<> {
        http::client c;
        const auto text = [](http::client& k, http::request q) -> task<> {
          http::response r = co_await k.send(std::move(q));
          co_await r.text();
        };
        const auto bytes = [](http::client& k, http::request q) -> task<> {
          http::response r = co_await k.send(std::move(q));
          co_await r.bytes();
        };
        auto e = co_await caught<http::body_error>(text(c, http::request("GET", at + "/")));
        EXPECT_TRUE(e && e->why() == http::body_error::reason::too_large &&
                    contains(e->what(), std::to_string(most) + " bytes") &&
                    contains(e->what(), "max_decoded"));
        e = co_await caught<http::body_error>(bytes(c, http::request("GET", at + "/")));
        EXPECT_TRUE(e && contains(e->what(), std::to_string(most)));
        http::client less(http::client_options().max_decoded(100'000));
        e = co_await caught<http::body_error>(text(less, http::request("GET", at + "/")));
        EXPECT_TRUE(e && contains(e->what(), "100000"));
        e = co_await caught<http::body_error>(
            text(less, http::request("GET", at + "/").max_decoded(50'000)));
        EXPECT_TRUE(e && contains(e->what(), "50000"));
        // What was left in the middle has no good end, and nothing of a closed connection is read.
        http::response twice = co_await c.send(http::request("GET", at + "/").max_body(1000));
        for (int i = 0; i < 2; ++i) EXPECT_TRUE(co_await caught<http::body_error>(twice.text()));
        twice = co_await less.get(at + "/");
        for (int i = 0; i < 2; ++i) EXPECT_TRUE(co_await caught<http::body_error>(twice.text()));
        http::response r = co_await c.get(at + "/");
        std::uint64_t n = 0;
        while (n <= most) n += (co_await r.next_chunk()).size();
        EXPECT_GT(n, most);
      });
}
#endif

#ifdef RONDO_HAVE_BROTLI
// 64 MiB exactly: at the bound.
EVERY_VERSION(HttpCoding, TakesAWholeBodyAtItsBound) {
  co_await with_peer(answers("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: " +
                             std::to_string(brotli_bomb.size()) + "\r\n\r\n" + brotli_bomb),
                     [](std::string at) -> task<> {
                       http::client c(spoken());
                       http::response r = co_await c.get(at + "/");
                       EXPECT_EQ((co_await r.text()).size(), std::size_t{64} << 20);
                     });
}
#endif

#ifdef RONDO_HAVE_TLS
CONFORMANCE(HttpDigest, AnswersAChallengeOnce) {
  std::vector<std::string> heads;
  std::string challenge =
      "Basic realm=\"x\", Digest realm=\"r, \\\"q\\\"\", qop=\"auth,auth-int\", algorithm=MD5, "
      "nonce=\"n1\", "
      "opaque=\"o\", Digest realm=\"r\", qop=auth, algorithm=SHA-256, nonce=\"n2\"";
  bool accept = true;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        for (;;) {
          const std::string head = co_await read_head(in);
          if (head.empty()) co_return;
          heads.push_back(head);
          if (accept && contains(head, "Authorization: Digest"))
            co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
          else
            co_await write_text(s, "HTTP/1.1 401 No\r\nWWW-Authenticate: " + challenge +
                                       "\r\nContent-Length: 2\r\n\r\nno");
        }
      },
      [&](std::string at) -> task<> {
        http::client c;
        http::response r = co_await c.send(
            http::request("GET", at + "/dir/index.html").digest_auth("Mufasa", "Circle of Life"));
        EXPECT_EQ(r.status(), 200);
        EXPECT_EQ(heads.size(), 2U);
        EXPECT_EQ(c.open_connections(), 1U);
        if (heads.size() == 2) {
          EXPECT_TRUE(contains(heads[1],
                               "username=\"Mufasa\", realm=\"r\", nonce=\"n2\", "
                               "uri=\"/dir/index.html\", algorithm=SHA-256, response=\""))
              << heads[1];
          EXPECT_TRUE(contains(heads[1], "qop=auth, nc=00000001"));
        }
        accept = false;
        http::response no =
            co_await c.send(http::request("GET", at + "/").digest_auth("Mufasa", "wrong"));
        EXPECT_EQ(no.status(), 401);
        EXPECT_EQ(co_await no.text(), "no");
        EXPECT_EQ(heads.size(), 4U);
      });
}

CONFORMANCE(HttpDigest, IsFoundBesideWhatElseIsOffered) {
  std::vector<std::string> heads;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        for (;;) {
          const std::string head = co_await read_head(in);
          if (head.empty()) co_return;
          heads.push_back(head);
          if (contains(head, "Authorization: Digest"))
            co_await write_text(s, ok);
          else
            co_await write_text(s,
                                "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate YWJjZA==, Basic "
                                "realm=\"x\", Digest realm=\"r\", nonce=\"n\", "
                                "qop=\"auth,auth-int\"\r\nContent-Length: 0\r\n\r\n");
        }
      },
      [&](std::string at) -> task<> {
        http::client c(http::client_options().digest_auth("u", "p"));
        EXPECT_EQ(co_await get_text(c, at + "/"), "ok");
      });
  EXPECT_EQ(heads.size(), 2U);
  EXPECT_TRUE(heads.size() == 2 && contains(heads[1], ", qop=auth, nc=00000001\r\n"));
}

namespace {

// The value of a parameter of an Authorization field in a head; "" when there is none.
std::string digest_param(const std::string& head, const std::string& name) {
  const std::size_t field = head.find("Authorization: Digest ");
  if (field == std::string::npos) return "";
  const std::string line = head.substr(field, head.find("\r\n", field) - field);
  std::size_t at = line.find(' ' + name + '=');
  if (at == std::string::npos) return "";
  at += name.size() + 2;
  const bool quoted = line[at] == '"';
  if (quoted) ++at;
  return line.substr(at, line.find_first_of(quoted ? "\"" : ",", at) - at);
}

// A server that gives nonces n1, n2, … and lets each be used so many times, in the order of its
// counts.
struct digest_server {
  int uses_of_a_nonce = 1000;
  std::string more;  // parameters of the challenge
  std::string info;  // fields of a response
  int nonce = 1;
  int used = 0;
  std::vector<std::string> heads;

  task<> operator()(tcp_stream& s, int) {
    if (speaks_http2()) {
      co_await answer_over_http2(s, [this](const std::string& head) { return answer_to(head); });
      co_return;
    }
    net::buffered_reader in(s);
    for (;;) {
      const std::string head = co_await read_head(in);
      if (head.empty()) co_return;
      co_await write_text(s, answer_to(head));
    }
  }
  std::string answer_to(const std::string& head) {
    heads.push_back(head);
    if (is_right(head)) return "HTTP/1.1 200 OK\r\n" + info + "Content-Length: 2\r\n\r\nok";
    const bool stale = digest_param(head, "realm") == "r" && used == uses_of_a_nonce;
    if (stale) {
      ++nonce;
      used = 0;
    }
    return "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", qop=\"auth\", "
           "algorithm=SHA-256, nonce=\"n" +
           std::to_string(nonce) + '"' + (stale ? ", stale=true" : "") + more +
           "\r\nContent-Length: 2\r\n\r\nno";
  }
  bool is_right(const std::string& head) {
    const http::detail::digest_challenge c{.realm = "r",
                                           .nonce = "n" + std::to_string(nonce),
                                           .opaque = "",
                                           .algorithm = "SHA-256",
                                           .domain = "",
                                           .sha256 = true,
                                           .qop_auth = true};
    if (used == uses_of_a_nonce || digest_param(head, "nonce") != c.nonce) return false;
    const std::size_t target = head.find(' ') + 1;
    const std::string expected = http::detail::digest_authorization(
        c, "u", "p", head.substr(0, target - 1),
        head.substr(target, head.find(' ', target) - target), digest_param(head, "cnonce"),
        static_cast<std::uint32_t>(used + 1));
    if (!contains(head, "Authorization: " + expected + "\r\n")) return false;
    ++used;
    return true;
  }
};

template <class Body>
task<> with_digest_server(digest_server& d, Body body) {
  co_await with_peer([&](tcp_stream& s, int n) -> task<> { co_await d(s, n); }, body);
}

}  // namespace

EVERY_VERSION(HttpDigest, UsesANonceAgainAndCountsUp) {
  digest_server d;
  co_await with_digest_server(d, [](std::string at) -> task<> {
    http::client c(spoken().digest_auth("u", "p"));
    for (const char* path : {"/a", "/b?c=d", "/a"})
      EXPECT_EQ(co_await get_text(c, at + path), "ok");
    http::response r = co_await c.put(at + "/e", "body");
    EXPECT_EQ(r.status(), 200);
  });
  EXPECT_EQ(d.heads.size(), 5U);  // one of them without an answer
  EXPECT_EQ(d.used, 4);
}

EVERY_VERSION(HttpDigest, TakesANewNonceWhenTheOldOneIsStale) {
  digest_server d{.uses_of_a_nonce = 2, .more = "", .info = "", .heads = {}};
  co_await with_digest_server(d, [](std::string at) -> task<> {
    http::client c(spoken().digest_auth("u", "p"));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await get_text(c, at + "/"), "ok");
    EXPECT_EQ(c.open_connections(), 1U);
  });
  EXPECT_EQ(d.nonce, 3);
  EXPECT_EQ(d.heads.size(), 8U);  // without an answer, and twice with one that was too old
}

EVERY_VERSION(HttpDigest, TakesTheNextNonceThatItIsTold) {
  digest_server d;
  d.info = "Authentication-Info: qop=auth, nextnonce=\"n2\"\r\n";
  co_await with_digest_server(d, [&](std::string at) -> task<> {
    http::client c(spoken().digest_auth("u", "p"));
    EXPECT_EQ(co_await get_text(c, at + "/"), "ok");
    d.nonce = 2;
    d.used = 0;
    d.info = "";
    EXPECT_EQ(co_await get_text(c, at + "/"), "ok");
    EXPECT_EQ(co_await get_text(c, at + "/"), "ok");
  });
  EXPECT_EQ(d.heads.size(), 4U);
}

EVERY_VERSION(HttpDigest, AnswersUnaskedOnlyWhereTheChallengeHolds) {
  digest_server d;
  d.more = ", domain=\"/in http://elsewhere.test/\"";
  co_await with_digest_server(d, [&](std::string at) -> task<> {
    http::client c(spoken().digest_auth("u", "p"));
    EXPECT_EQ(co_await get_text(c, at + "/in/a"), "ok");
    EXPECT_EQ(co_await get_text(c, at + "/in/b"), "ok");
    EXPECT_EQ(d.heads.size(), 3U);
    // Elsewhere it waits to be asked; the server's nonce is the same, and its count begins anew.
    d.nonce = 2;
    d.used = 0;
    EXPECT_EQ(co_await get_text(c, at + "/out"), "ok");
    EXPECT_EQ(d.heads.size(), 5U);
    http::client own(spoken());  // a request's own credentials
    http::response r = co_await own.send(http::request("GET", at + "/in/a").digest_auth("u", "x"));
    EXPECT_EQ(r.status(), 401);
    r = co_await own.send(http::request("GET", at + "/in/a").digest_auth("u", "x"));
    EXPECT_EQ(r.status(), 401);
    EXPECT_EQ(d.heads.size(), 9U);  // what was refused is not sent unasked
    co_await own.get(at + "/in/a");
    EXPECT_FALSE(contains(d.heads.back(), "Authorization"));
  });
}

TEST(HttpDigestAnswer, IsThatOfTheStandard) {
  // RFC 7616, section 3.9.1.
  const auto answer = [](bool sha256) {
    const http::detail::digest_challenge c{.realm = "http-auth@example.org",
                                           .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                                           .opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
                                           .algorithm = sha256 ? "SHA-256" : "MD5",
                                           .domain = "",
                                           .has_opaque = true,
                                           .sha256 = sha256,
                                           .qop_auth = true};
    return http::detail::digest_authorization(c, "Mufasa", "Circle of Life", "GET",
                                              "/dir/index.html",
                                              "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1);
  };
  EXPECT_TRUE(contains(answer(false), "response=\"8ca523f5e9506fed4657c9700eebdbec\""));
  EXPECT_TRUE(
      contains(answer(true),
               "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""));
}
#endif

namespace {

// A proxy that records heads. Plain requests are answered by itself; CONNECT opens a tunnel to
// `to`.
struct small_proxy {
  std::vector<std::string> heads;
  std::string connect_answer = "HTTP/1.1 200 Connection established\r\n\r\n";

  task<> operator()(tcp_stream& s, int) {
    net::buffered_reader in(s);
    for (;;) {
      const std::string head = co_await read_head(in);
      if (head.empty()) co_return;
      heads.push_back(head);
      if (!head.starts_with("CONNECT ")) {
        co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
        continue;
      }
      co_await write_text(s, connect_answer);
      if (!connect_answer.starts_with("HTTP/1.1 200")) co_return;
      const endpoint to = endpoint::parse(head.substr(8, head.find(' ', 8) - 8));
      tcp_stream onward = co_await tcp_stream::connect(to);
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> { co_await pump(s, onward); });
        co_await pump(onward, s);
        g.cancel();
      });
      co_return;
    }
  }
  static task<> pump(tcp_stream& from, tcp_stream& to) {
    std::vector<std::byte> room(4096);
    for (;;) {
      const std::size_t n = co_await from.read_some(room);
      if (n == 0) co_return;
      co_await to.write_all(std::span(room).first(n));
    }
  }
};

template <class Body>
task<> with_proxy(small_proxy& p, Body body) {
  co_await with_peer([&](tcp_stream& s, int n) -> task<> { co_await p(s, n); }, body);
}

}  // namespace

CONFORMANCE(HttpProxy, IsGivenPlainRequestsAsAWhole) {
  small_proxy p;
  co_await with_proxy(p, [&](std::string at) -> task<> {
    http::client c(http::client_options().proxy(
        http::proxy("http://user:pass@" + at.substr(7)).except("direct.test")));
    http::response r = co_await c.send(
        http::request("GET", "http://u:p@example.test:8000/x?y#z").header("X-Id", "1"));
    EXPECT_EQ(co_await r.text(), "proxied");
    co_await get_text(c, "http://example.test:8000/again");
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_TRUE(co_await caught<http::connect_error>(c.get("http://direct.test:1/")));
  });
  EXPECT_EQ(p.heads.size(), 2U);
  if (p.heads.size() != 2) co_return;
  EXPECT_TRUE(p.heads[0].starts_with("GET http://example.test:8000/x?y HTTP/1.1\r\n"));
  EXPECT_TRUE(contains(p.heads[0], "\r\nHost: example.test:8000\r\n"));
  EXPECT_TRUE(contains(p.heads[0], "\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
  EXPECT_TRUE(contains(p.heads[0], "\r\nAuthorization: Basic dTpw\r\n"));
}

CONFORMANCE(HttpProxy, OpensATunnelThatSeesNoSecretsOfTheProxy) {
  http::server server;
  std::string seen;
  server.route("GET", "/x", [&](server_request& r) -> task<server_response> {
    seen = std::string(r.headers().wire());
    co_return server_response::text("through");
  });
  co_await with_server(server, [&](std::string target, endpoint) -> task<> {
    small_proxy p;
    co_await with_proxy(p, [&](std::string at) -> task<> {
      http::client c(
          http::client_options().proxy(http::proxy("http://user:pass@" + at.substr(7)).tunnel()));
      EXPECT_EQ(co_await get_text(c, target + "/x"), "through");
      EXPECT_EQ(co_await get_text(c, target + "/x"), "through");
      EXPECT_EQ(c.open_connections(), 1U);
      c.close_idle();
    });
    EXPECT_EQ(p.heads.size(), 1U);
    if (p.heads.empty()) co_return;
    EXPECT_TRUE(p.heads[0].starts_with("CONNECT " + target.substr(7) +
                                       " HTTP/1.1\r\nHost: " + target.substr(7) + "\r\n"));
    EXPECT_TRUE(contains(p.heads[0], "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
    EXPECT_FALSE(contains(seen, "Proxy-Authorization")) << seen;
  });
}

CONFORMANCE(HttpProxy, NamesWhyATunnelIsRefused) {
  for (const char* answer :
       {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 No\r\n\r\n", ""}) {
    small_proxy p;
    p.connect_answer = answer;
    co_await with_proxy(p, [&](std::string at) -> task<> {
      http::client c(http::client_options().proxy(http::proxy(at).tunnel()));
      const auto e = co_await caught<http::connect_error>(c.get("http://example.test/"));
      EXPECT_TRUE(e && e->phase() == phase::proxy) << answer;
      EXPECT_EQ(c.open_connections(), 0U);
    });
  }
  small_proxy eager;
  eager.connect_answer = "HTTP/1.1 204 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  co_await with_proxy(eager, [&](std::string at) -> task<> {
    http::client c(http::client_options().proxy(http::proxy(at).tunnel()));
    EXPECT_TRUE(co_await caught<http::protocol_error>(c.get("http://example.test/")));
  });
}

TEST(HttpProxySettings, KnowWhatGoesDirectly) {
  http::proxy p("127.0.0.1:3128");
  p.except("example.org, .test:8080 10.0.0.0/8,[::1],fd00::/8,LOCALHOST");
  const auto direct = [&](const char* url) { return !p.for_target(http::url::parse(url)); };
  for (const char* url :
       {"http://example.org/", "https://a.example.org/", "http://x.test:8080/", "http://10.1.2.3/",
        "http://[::1]/", "http://[fd12::1]:99/", "http://localhost:1/", "http://example.org./"})
    EXPECT_TRUE(direct(url)) << url;
  for (const char* url : {"http://badexample.org/", "http://x.test/", "http://11.1.2.3/",
                          "http://[::2]/", "http://org/"})
    EXPECT_FALSE(direct(url)) << url;
  for (const char* bad : {"a:b", "10.0.0.0/33", "x/8", ".", "[::1]:99999"})
    EXPECT_THROW(http::proxy("h:1").except(bad), std::invalid_argument) << bad;
  EXPECT_EQ(http::proxy("h:1").except("*").for_target(http::url::parse("http://a/")), nullptr);
  EXPECT_THROW(http::proxy("https://h:1"), http::url_error);
  EXPECT_THROW(
      http::client(
          http::client_options().proxy(http::proxy("h:1")).guard(http::public_addresses_only())),
      std::invalid_argument);
}

TEST(HttpProxySettings, ComeFromTheEnvironmentWhenAsked) {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                           "no_proxy", "NO_PROXY", "HTTP_PROXY"})
    ::unsetenv(name);
  const http::url plain = http::url::parse("http://a/");
  const http::url secure = http::url::parse("https://a/");
  ::setenv("HTTP_PROXY", "http://evil:1", 1);  // a web server sets this from a client's field
  EXPECT_EQ(http::proxy::from_environment().for_target(plain), nullptr);
  ::setenv("http_proxy", "http://p:1", 1);
  ::setenv("ALL_PROXY", "http://q:2", 1);
  const http::proxy p = http::proxy::from_environment();
  EXPECT_EQ(p.for_target(plain)->href(), "http://p:1/");
  EXPECT_EQ(p.for_target(secure)->href(), "http://q:2/");
  ::setenv("NO_PROXY", "a", 1);
  EXPECT_EQ(http::proxy::from_environment().for_target(plain), nullptr);
  for (const char* name : {"http_proxy", "ALL_PROXY", "NO_PROXY", "HTTP_PROXY"}) ::unsetenv(name);
}

namespace {

// An environment without proxies.
struct no_proxies {
  environment_variable a{"http_proxy", nullptr}, b{"https_proxy", nullptr},
      c{"HTTPS_PROXY", nullptr}, d{"all_proxy", nullptr}, e{"ALL_PROXY", nullptr},
      f{"no_proxy", nullptr}, g{"NO_PROXY", nullptr}, h{"HTTP_PROXY", nullptr};
};

}  // namespace

TEST(HttpProxySettings, TakeWhatNoProxyHoldsThatCanBeReadAndSayTheRestOnce) {
  const no_proxies none;
  const environment_variable plain("http_proxy", "http://p:1");
  const std::string bad[] = {"169.254/16",  "http://x",    "host:", "*.",     ".",
                             "[::1]:99999", "10.0.0.0/33", "a/8",   "[::1/8", "h:x"};
  std::string list = "localhost";
  for (const std::string& part : bad) list += ',' + part;
  list += ",,[::1], 10.0.0.0/8\t.test:8080,last";
  const environment_variable exceptions("no_proxy", list.c_str());
  testing::internal::CaptureStderr();
  const http::proxy p = http::proxy::from_environment();
  const std::string said = testing::internal::GetCapturedStderr();
  for (const std::string& part : bad)
    EXPECT_TRUE(contains(said,
                         "rondo: no_proxy holds a part that is ignored: no exception from a "
                         "proxy: \"" +
                             part + "\"\n"))
        << part << " in " << said;
  EXPECT_EQ(std::ranges::count(said, '\n'), 10);
  for (const char* url : {"http://localhost/", "http://[::1]/", "http://10.1.2.3:9/",
                          "http://x.test:8080/", "http://last/"})
    EXPECT_EQ(p.for_target(http::url::parse(url)), nullptr) << url;
  for (const char* url : {"http://x/", "http://host/", "http://169.254.1.1/", "http://h/"})
    EXPECT_NE(p.for_target(http::url::parse(url)), nullptr) << url;
  testing::internal::CaptureStderr();
  static_cast<void>(http::proxy::from_environment());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

CONFORMANCE(HttpProxy, OfTheEnvironmentFailsTheRequestsThatNeedItWhenItCannotBeUsed) {
  const no_proxies none;
  small_proxy p;
  co_await with_proxy(p, [&](std::string at) -> task<> {
    const environment_variable plain("http_proxy", at.c_str());
    const environment_variable all("all_proxy", "socks4://user:secret@127.0.0.1:1080");
    const environment_variable direct("no_proxy", "127.0.0.1");
    http::client c(http::client_options().proxy(http::proxy::from_environment()));
    EXPECT_EQ(co_await get_text(c, "http://a.test/"), "proxied");
    const auto e = co_await caught<http::url_error>(c.get("https://a.test/"));
    EXPECT_TRUE(e && contains(e->what(), "all_proxy") && contains(e->what(), "socks4") &&
                !contains(e->what(), "secret"))
        << (e ? e->what() : "");
    EXPECT_TRUE(co_await caught<http::connect_error>(c.get("https://127.0.0.1:1/")));
    EXPECT_EQ(co_await get_text(c, "http://a.test/"), "proxied");
  });
  for (const char* unusable : {"https://p:1", "http://", "http://a b/", "p:99999", "socks4://p"}) {
    const environment_variable secure("HTTPS_PROXY", unusable);
    const http::proxy q = http::proxy::from_environment();
    EXPECT_EQ(q.for_target(http::url::parse("http://a/")), nullptr) << unusable;
    try {
      static_cast<void>(q.for_target(http::url::parse("https://a/")));
      ADD_FAILURE() << unusable;
    } catch (const http::url_error& e) {
      EXPECT_TRUE(contains(e.what(), "HTTPS_PROXY")) << e.what();
    }
  }
  const environment_variable blank("https_proxy", " ");
  const environment_variable upper("HTTPS_PROXY", "p:1");
  EXPECT_EQ(http::proxy::from_environment().for_target(http::url::parse("https://a/"))->href(),
            "http://p:1/");
}

EVERY_VERSION(HttpGuard, RefusesAnAddressAtEachConnectAndRedirect) {
  http::server inside;
  int reached = 0;
  inside.route("GET", "/", [&](server_request&) -> task<server_response> {
    ++reached;
    co_return server_response::text("secret");
  });
  http::server outside;
  co_await with_server(inside, [&](std::string secret, endpoint hidden) -> task<> {
    outside.route("GET", "/", [&](server_request&) -> task<server_response> {
      co_return server_response(302).header("Location", secret + "/");
    });
    co_await with_server(outside, [&](std::string at, endpoint) -> task<> {
      http::client c(
          spoken().guard(http::make_guard([&](const endpoint& to) { return to != hidden; })));
      for (const std::string& url :
           {secret + "/", at + "/", "http://localhost:" + std::to_string(hidden.port()) + "/"}) {
        const auto e = co_await caught<http::connect_error>(c.get(url));
        EXPECT_TRUE(e) << url;
        if (e && !contains(url, "localhost")) {
          EXPECT_EQ(e->code(), std::errc::permission_denied);
        }
      }
      EXPECT_EQ(c.open_connections(), c.idle_connections());
      http::client strict(spoken().guard(http::public_addresses_only()));
      EXPECT_TRUE(co_await caught<http::connect_error>(strict.get(at + "/")));
    });
  });
  EXPECT_EQ(reached, 0);
}

TEST(HttpGuardRules, KnowPublicAddresses) {
  const auto is_public = [](const char* text) {
    return http::is_public_address(net::address::parse(text));
  };
  for (const char* a : {"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
                        "::ffff:8.8.8.8", "64:ff9b::808:808", "223.255.255.255", "11.0.0.0"})
    EXPECT_TRUE(is_public(a)) << a;
  for (const char* a : {"0.0.0.0",
                        "10.0.0.1",
                        "100.64.0.1",
                        "127.0.0.1",
                        "127.255.255.255",
                        "169.254.169.254",
                        "172.16.0.1",
                        "172.31.255.255",
                        "192.168.1.1",
                        "192.0.2.1",
                        "198.18.0.1",
                        "203.0.113.9",
                        "224.0.0.1",
                        "255.255.255.255",
                        "::",
                        "::1",
                        "::ffff:127.0.0.1",
                        "::ffff:10.0.0.1",
                        "64:ff9b::a00:1",
                        "fc00::1",
                        "fd12::1",
                        "fe80::1",
                        "ff02::1",
                        "2001:db8::1",
                        "2001::1",
                        "2002:7f00:1::",
                        "100::1",
                        "::7f00:1"})
    EXPECT_FALSE(is_public(a)) << a;
}

EVERY_VERSION(HttpTrace, SeesEachStepInOrderAndWithItsTime) {
  struct log final : http::tracer {
    void on(const http::trace_event& e) override {
      if (e.what == trace_point::frame) return;
      EXPECT_GE(e.at, last);
      last = e.at;
      points.push_back(e.what);
      if (e.what == trace_point::head_sent) heads.emplace_back(e.text);
    }
    std::vector<trace_point> points;
    std::vector<std::string> heads;
    std::chrono::steady_clock::time_point last{};
  };
  http::server server;
  server.route("GET", "/a", [](server_request&) -> task<server_response> {
    co_return server_response(302).header("Location", "/b");
  });
  server.route("GET", "/b", [](server_request&) -> task<server_response> {
    co_return server_response::text("b");
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    auto seen = std::make_shared<log>();
    http::client c(spoken().trace(seen));
    EXPECT_EQ(co_await get_text(c, at + "/a"), "b");
    using enum trace_point;
    EXPECT_EQ(seen->points, (std::vector{begun,      queued,     granted,    resolving, resolved,
                                         connecting, connected,  head_sent,  sent,      first_byte,
                                         head,       redirected, begun,      queued,    granted,
                                         head_sent,  sent,       first_byte, head,      done}));
    EXPECT_EQ(seen->heads.size(), 2U);
    if (!speaks_http2()) EXPECT_TRUE(seen->heads[0].starts_with("GET /a HTTP/1.1\r\n"));
    co_await caught<http::error>(c.get("http://no-such-host.invalid/"));
    EXPECT_EQ(seen->points.back(), failed);
  });
}

EVERY_VERSION(HttpPolicy, RunsEachRequestAndEachRedirect) {
  struct twice final : http::request_policy {
    task<http::response> run(http::policy_call call) override {
      calls.push_back(call.method() + ' ' + std::string(call.url().path()));
      if (!call.may_send_body_again()) co_return co_await call.attempt();
      http::response first = co_await call.attempt();
      if (first.status() < 500) co_return first;
      co_return co_await call.attempt();
    }
    std::vector<std::string> calls;
  };
  http::server server;
  int asked = 0;
  server.route("GET", "/a", [&](server_request&) -> task<server_response> {
    co_return asked++ == 0 ? server_response(503) : server_response(302).header("Location", "/b");
  });
  server.route("GET", "/b", [](server_request&) -> task<server_response> {
    co_return server_response::text("b");
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    auto p = std::make_shared<twice>();
    http::client c(spoken().policy(p));
    EXPECT_EQ(co_await get_text(c, at + "/a"), "b");
    EXPECT_EQ(p->calls, (std::vector<std::string>{"GET /a", "GET /b"}));
  });
}
