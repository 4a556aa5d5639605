// Requests and responses, our client against our server.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

task<server_response> echo(server_request& r) {
  std::string body = co_await r.text();
  co_return server_response::text(std::move(body))
      .header("X-Method", r.method())
      .header("X-Query", r.query());
}

void add_echo(http::server& s) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    s.route(method, "/echo", echo);
}

}  // namespace

EVERY_VERSION(Exchange, CarriesEveryMethodAndItsBody) {
  http::server server;
  add_echo(server);
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    const std::string url = origin + "/echo?a=1&b";
    std::vector<http::response> all;
    all.push_back(co_await c.get(url));
    all.push_back(co_await c.post(url, "posted"));
    all.push_back(co_await c.put(url, "put"));
    all.push_back(co_await c.patch(url, "patched"));
    all.push_back(co_await c.del(url));
    const std::pair<const char*, const char*> expected[] = {
        {"GET", ""}, {"POST", "posted"}, {"PUT", "put"}, {"PATCH", "patched"}, {"DELETE", ""}};
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].status(), 200);
      EXPECT_TRUE(all[i].ok());
      EXPECT_EQ(all[i].reason(), "OK");
      EXPECT_EQ(all[i].headers().get("x-method"), expected[i].first);
      EXPECT_EQ(all[i].headers().get("x-query"), "a=1&b");
      EXPECT_EQ(co_await all[i].text(), expected[i].second);
    }
  });
}

EVERY_VERSION(Exchange, GivesTheHeadOfWhatGetWouldGive) {
  http::server server;
  server.route("GET", "/x", [](server_request&) -> task<server_response> {
    co_return server_response::text("12345");
  });
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    http::response head = co_await c.head(origin + "/x");
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(head.headers().get("content-length"), "5");
    EXPECT_EQ(co_await head.text(), "");
    EXPECT_EQ(co_await get_text(c, origin + "/x"), "12345");
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

EVERY_VERSION(Exchange, SendsTheFieldsItWasGiven) {
  http::server server;
  server.route("GET", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(r.headers().wire()));
  });
  co_await with_server(server, [](std::string origin, endpoint here) -> task<> {
    http::client c(spoken().header("X-Default", "d").header("X-Both", "default"));
    auto r = co_await c.send(
        http::request("GET", origin + "/").header("X-Own", "o").header("X-Both", "own"));
    const std::string sent = co_await r.text();
    EXPECT_NE(sent.find("Host: " + here.to_string() + "\r\n"), std::string::npos) << sent;
    EXPECT_NE(sent.find(as_sent("X-Default: d\r\n")), std::string::npos) << sent;
    EXPECT_NE(sent.find(as_sent("X-Own: o\r\n")), std::string::npos) << sent;
    EXPECT_NE(sent.find(as_sent("X-Both: own\r\n")), std::string::npos) << sent;
    EXPECT_EQ(sent.find(": default"), std::string::npos) << sent;
    EXPECT_EQ(sent.find("Content-Length"), std::string::npos) << sent;
  });
}

CONFORMANCE(Exchange, KeepsItsOwnFieldsToItself) {
  for (const char* name : {"Host", "content-length", "TRANSFER-ENCODING", "Connection"})
    EXPECT_THROW(http::request("GET", "http://a/").header(name, "1"), std::invalid_argument)
        << name;
  EXPECT_THROW(http::request("GE T", "http://a/"), std::invalid_argument);
  EXPECT_THROW(http::request("GET", "http://a/").header("X", "a\r\nInjected: 1"),
               std::invalid_argument);
  EXPECT_THROW(http::client_options().max_connections(0), std::invalid_argument);
  co_return;
}

EVERY_VERSION(Exchange, GivesParametersDecoded) {
  http::server server;
  server.route("GET", "/hello/{name}/{n}", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(r.param("name")) + "|" + std::string(r.param("n")) +
                                    "|" + std::string(r.param("none")));
  });
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    EXPECT_EQ(co_await get_text(c, origin + "/hello/a%20b/7"), "a b|7|");
  });
}

namespace {

// A body of `size` bytes is sent back; both sides choose between a length and chunks.
task<> round_trip(std::string origin, std::size_t size, bool request_sized, bool response_sized) {
  SCOPED_TRACE(std::to_string(size) + (request_sized ? " sized" : " chunked"));
  const std::string body = pattern(size);
  http::client c(spoken());
  std::size_t at = 0;
  auto source = http::make_body([&]() -> task<std::optional<std::string>> {
    if (at == body.size()) co_return std::nullopt;
    const std::size_t n = std::min<std::size_t>(1 + at % 50'000, body.size() - at);
    at += n;
    co_return body.substr(at - n, n);
  });
  auto r =
      co_await c.send(http::request("POST", origin + (response_sized ? "/sized" : "/chunked"))
                          .body(std::move(source),
                                request_sized ? std::optional(std::uint64_t{size}) : std::nullopt));
  EXPECT_EQ(r.headers().contains("content-length"), response_sized);
  EXPECT_EQ(r.headers().contains("transfer-encoding"), !response_sized && !speaks_http2());
  EXPECT_TRUE(co_await r.text() == body);
  EXPECT_EQ(c.open_connections(), 1U);
  EXPECT_EQ(c.idle_connections(), 1U);
}

}  // namespace

EVERY_VERSION(Exchange, CarriesBodiesOfEverySizeInBothFramings) {
  http::server server;
  const auto back = [](server_request& r, bool sized) -> task<server_response> {
    std::string all = co_await r.text();
    const std::optional<std::uint64_t> size =
        sized ? std::optional<std::uint64_t>(all.size()) : std::nullopt;
    co_return server_response::stream(
        http::make_body([all = std::move(all),
                         at = std::size_t{0}]() mutable -> task<std::optional<std::string>> {
          if (at == all.size()) co_return std::nullopt;
          const std::size_t n = std::min<std::size_t>(1 + at % 30'000, all.size() - at);
          at += n;
          co_return all.substr(at - n, n);
        }),
        size);
  };
  server.route("POST", "/sized", [&](server_request& r) { return back(r, true); });
  server.route("POST", "/chunked", [&](server_request& r) { return back(r, false); });
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{16 * 1024 - 1}, std::size_t{16 * 1024},
          std::size_t{16 * 1024 + 1}, std::size_t{1'000'000}})
      for (const bool request_sized : {true, false})
        for (const bool response_sized : {true, false})
          co_await round_trip(origin, size, request_sized, response_sized);
  });
}

EVERY_VERSION(Exchange, HoldsBackASourceWhoseReaderIsSlow) {
  constexpr int pieces = 400;  // of 64 KiB: more than two sockets and a window hold
  const std::string piece = pattern(64 * 1024);
  int produced = 0;
  http::server server;
  server.route("GET", "/much", [&](server_request&) -> task<server_response> {
    co_return server_response::stream(counted_body(piece, pieces, produced));
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    http::response r = co_await c.get(origin + "/much");
    int before = -1;
    while (std::exchange(before, produced) != produced) co_await sleep_for(20ms);
    EXPECT_LT(produced, pieces);
    std::size_t got = 0;
    for (;;) {
      const auto chunk = co_await r.next_chunk();
      if (chunk.empty()) break;
      got += chunk.size();
    }
    EXPECT_EQ(got, pieces * piece.size());
    EXPECT_EQ(produced, pieces);
  });
}

EVERY_VERSION(Exchange, HoldsBackAnUploadWhoseHandlerIsSlow) {
  constexpr int pieces = 400;
  const std::string piece = pattern(64 * 1024);
  int sent = 0;
  event read_on;
  http::server server;
  server.route("PUT", "/much", [&](server_request& r) -> task<server_response> {
    co_await read_on.wait();
    std::size_t got = 0;
    for (;;) {
      const auto chunk = co_await r.next_chunk();
      if (chunk.empty()) break;
      got += chunk.size();
    }
    co_return server_response::text(std::to_string(got));
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        http::response r = co_await c.send(
            http::request("PUT", origin + "/much").body(counted_body(piece, pieces, sent)));
        EXPECT_EQ(co_await r.text(), std::to_string(pieces * piece.size()));
      });
      int before = -1;
      while (std::exchange(before, sent) != sent || sent == 0) co_await sleep_for(20ms);
      EXPECT_LT(sent, pieces);
      read_on.set();
    });
    EXPECT_EQ(sent, pieces);
  });
}

EVERY_VERSION(Exchange, ReadsABodyInPiecesOfTheCallersSize) {
  http::server server;
  const std::string body = pattern(100'000);
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    co_return server_response::bytes(body);
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    http::response r = co_await c.get(origin + "/");
    std::string got;
    std::vector<std::byte> buffer(999);
    while (const std::size_t n = co_await r.read_some(buffer))
      got.append(reinterpret_cast<const char*>(buffer.data()), n);
    EXPECT_TRUE(got == body);
    EXPECT_EQ(co_await r.read_some(buffer), 0U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

EVERY_VERSION(Exchange, GivesTheTrailersAfterTheBody) {
  co_await with_peer(
      answers(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n"),
      [](std::string origin) -> task<> {
        http::client c(spoken());
        http::response r = co_await c.get(origin);
        EXPECT_EQ(co_await r.text(), "abc");
        EXPECT_EQ(r.trailers().get("x-sum"), "6");
        EXPECT_FALSE(r.headers().contains("x-sum"));
      });
}

CONFORMANCE(Exchange, ReadsToTheEndOfTheConnectionWhereNothingElseEndsABody) {
  co_await with_peer(answers("HTTP/1.1 200 OK\r\n\r\nall of it"), [](std::string origin) -> task<> {
    http::client c;
    EXPECT_EQ(co_await get_text(c, origin), "all of it");
    EXPECT_EQ(c.open_connections(), 0U);
  });
}

EVERY_VERSION(Exchange, HasNoBodyWhereTheStandardHasNone) {
  for (const char* reply : {"HTTP/1.1 204 No Content\r\n\r\n",
                            "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"}) {
    co_await with_peer(answers(reply, then::stay_open), [](std::string origin) -> task<> {
      http::client c(spoken());
      http::response r = co_await c.get(origin);
      EXPECT_EQ(co_await r.text(), "");
      EXPECT_EQ(c.idle_connections(), 1U);
    });
  }
  co_await with_peer(answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", then::stay_open),
                     [](std::string origin) -> task<> {
                       http::client c(spoken());
                       http::response r = co_await c.head(origin);
                       EXPECT_EQ(co_await r.text(), "");
                       EXPECT_EQ(c.idle_connections(), 1U);
                     });
}

EVERY_VERSION(Exchange, PassesOverInterimResponses) {
  co_await with_peer(
      answers("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
              then::stay_open),
      [](std::string origin) -> task<> {
        http::client c(spoken());
        http::response r = co_await c.get(origin);
        EXPECT_EQ(r.status(), 200);
        EXPECT_FALSE(r.headers().contains("link"));
        EXPECT_EQ(co_await r.text(), "ok");
        EXPECT_EQ(c.idle_connections(), 1U);
      });
}

EVERY_VERSION(Exchange, RaisesForAnErrorStatusOnly) {
  http::server server;
  server.route("GET", "/{status}", [](server_request& r) -> task<server_response> {
    co_return server_response::text("", std::stoi(std::string(r.param("status"))));
  });
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    for (const int status : {200, 204, 304, 399})
      (co_await c.get(origin + "/" + std::to_string(status))).raise_for_status();
    for (const int status : {400, 404, 500, 599}) {
      const std::string url = origin + "/" + std::to_string(status);
      http::response r = co_await c.get(url);
      EXPECT_FALSE(r.ok());
      try {
        r.raise_for_status();
        ADD_FAILURE() << status;
      } catch (const http::status_error& e) {
        EXPECT_EQ(e.status(), status);
        EXPECT_EQ(e.url(), url);
      }
    }
  });
}

EVERY_VERSION(Exchange, LetsAClientGoBeforeItsResponse) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("kept");
  });
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    std::optional<http::response> r;
    {
      http::client c(spoken());
      r = co_await c.get(origin + "/");
    }
    EXPECT_EQ(co_await r->text(), "kept");
  });
}

EVERY_VERSION(Exchange, SendsManyRequestsAtOnce) {
  http::server server;
  server.route("GET", "/{n}", [](server_request& r) -> task<server_response> {
    co_await yield_now();
    co_return server_response::text(std::string(r.param("n")));
  });
  co_await with_server(server, [](std::string origin, endpoint) -> task<> {
    http::client c(spoken().max_connections(10));
    int right = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 200; ++i)
        g.spawn([&, i]() -> task<> {
          right += co_await get_text(c, origin + "/" + std::to_string(i)) == std::to_string(i);
        });
      co_return;
    });
    EXPECT_EQ(right, 200);
    EXPECT_LE(c.open_connections(), 10U);
    EXPECT_EQ(c.idle_connections(), c.open_connections());
  });
}
