// Responses that begin before their requests have been sent.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <optional>
#include <string>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace {

const std::string piece = pattern(64 * 1024);

// Says 200 at once and reads `size` bytes of body after it; then the response's body says so.
auto says_yes_first(std::size_t size, int& bodies) {
  return [size, &bodies](tcp_stream& s, int) -> task<> {
    net::buffered_reader in(s);
    while (!(co_await read_head(in)).empty()) {
      co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
      for (std::size_t left = size; left > 0;) {
        const std::size_t n = std::min(left, piece.size());
        co_await in.read_exactly(n);
        left -= n;
      }
      ++bodies;
      co_await write_text(s, "all");
    }
  };
}

// Sends a body of this size back while it comes.
auto echoes(std::size_t size) {
  return [size](tcp_stream& s, int) -> task<> {
    net::buffered_reader in(s);
    while (!(co_await read_head(in)).empty()) {
      const std::string head =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
      co_await write_text(s, head);
      for (std::size_t left = size; left > 0;) {
        const auto some = co_await in.peek();
        if (some.empty()) co_return;
        const std::size_t n = std::min(left, some.size());
        co_await s.write_all(some.first(n));
        in.consume(n);
        left -= n;
      }
    }
  };
}

http::request put(const std::string& at, std::unique_ptr<http::body_source> body,
                  std::size_t size) {
  return http::request("PUT", at + "/").body(std::move(body), size);
}

std::unique_ptr<http::body_source> endless_wait() {
  return http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
    if (n++ > 0) co_await sleep_for(1h);
    co_return "x";
  });
}

// Each piece of the request waits for the echo of the one before.
task<> play_ping_pong(http::client& c, std::string at, int rounds) {
  constexpr std::size_t ball = 100;
  queue<int> turns(1);
  turns.try_put(0);
  auto body = http::make_body([&, n = 0]() mutable -> task<std::optional<std::string>> {
    if (n++ == rounds) co_return std::nullopt;
    co_await turns.get();
    co_return std::string(ball, 'o');
  });
  const std::size_t size = ball * static_cast<std::size_t>(rounds);
  const std::size_t back =
      co_await c.send(put(at, std::move(body), size), [&](response& r) -> task<std::size_t> {
        std::size_t got = 0;
        for (;;) {
          const auto some = co_await r.next_chunk();
          if (some.empty()) co_return got;
          for (std::size_t i = got / ball; i < (got + some.size()) / ball; ++i) turns.try_put(0);
          got += some.size();
        }
      });
  EXPECT_EQ(back, size);
}

}  // namespace

CONFORMANCE(HttpDuplex, ASuccessLetsTheUploadGoOn) {
  constexpr int pieces = 100;
  int bodies = 0;
  co_await with_peer(says_yes_first(pieces * piece.size(), bodies), [&](std::string at) -> task<> {
    http::client c;
    for (int i = 0; i < 2; ++i) {
      int taken = 0;
      response r =
          co_await c.send(put(at, counted_body(piece, pieces, taken), pieces * piece.size()));
      EXPECT_EQ(r.status(), 200);
      EXPECT_EQ(taken, pieces);
      EXPECT_EQ(co_await r.text(), "all");
    }
    EXPECT_EQ(c.idle_connections(), 1U);
  });
  EXPECT_EQ(bodies, 2);
}

CONFORMANCE(HttpDuplex, ASuccessCountsWhenTheServerClosesDuringTheUpload) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        co_await s.shutdown_write();
        co_await sleep_for(
            20ms);  // the answer arrives; then the unread upload resets the connection
      },
      [](std::string at) -> task<> {
        http::client c;
        int taken = 0;
        response r =
            co_await c.send(http::request("PUT", at + "/").body(counted_body(piece, 5000, taken)));
        EXPECT_EQ(r.status(), 200);
        EXPECT_LT(taken, 5000);
        EXPECT_EQ(c.idle_connections(), 0U);
      });
}

CONFORMANCE(HttpDuplex, MovesMoreBothWaysThanAllBuffersHold) {
  constexpr int pieces = 400;
  constexpr std::size_t size = pieces * std::size_t{64 * 1024};
  co_await with_peer(echoes(size), [&](std::string at) -> task<> {
    http::client c;
    int taken = 0;
    const std::size_t got = co_await c.send(put(at, counted_body(piece, pieces, taken), size),
                                            [](response& r) -> task<std::size_t> {
                                              std::size_t n = 0;
                                              for (;;) {
                                                const auto some = co_await r.next_chunk();
                                                if (some.empty()) co_return n;
                                                n += some.size();
                                              }
                                            });
    EXPECT_EQ(got, size);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

CONFORMANCE(HttpDuplex, ARequestMayWaitForItsResponse) {
  co_await with_peer(echoes(2000), [](std::string at) -> task<> {
    http::client c;
    co_await play_ping_pong(c, at, 20);
    co_await play_ping_pong(c, at, 20);
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

// The response has ended long before the request: the connection is the upload's, and is used again
// after it.
CONFORMANCE(HttpDuplex, EndsWhenTheBodyHasBeenSentToo) {
  for (const char* answer :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}) {
    event all_came;
    co_await with_peer(
        [&](tcp_stream& s, int) -> task<> {
          net::buffered_reader in(s);
          co_await read_head(in);
          co_await write_text(s, answer);
          EXPECT_EQ((co_await in.read_exactly(5)).size(), 5U);
          all_came.set();
          co_await until_closed(s);
        },
        [&](std::string at) -> task<> {
          http::client c;
          event answered;
          auto body = http::make_body([&, n = 0]() mutable -> task<std::optional<std::string>> {
            if (n++ == 5) co_return std::nullopt;
            co_await answered.wait();
            co_return "x";
          });
          co_await c.send(put(at, std::move(body), 5), [&](response& r) -> task<> {
            co_await r.text();
            EXPECT_EQ(c.idle_connections(), 0U);
            answered.set();
          });
          EXPECT_EQ(c.idle_connections(), 1U);
          co_await all_came.wait();
        });
  }
}

CONFORMANCE(HttpDuplex, AReaderThatEndsEarlyEndsTheExchange) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 200 OK\r\n\r\nhalf");
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c(http::client_options().max_connections(1));
        for (int i = 0; i < 2; ++i) {  // the place is free again
          const int status =
              co_await c.send(http::request("PUT", at + "/").body(endless_wait()),
                              [](response& r) -> task<int> { co_return r.status(); });
          EXPECT_EQ(status, 200);
          EXPECT_EQ(c.open_connections(), 0U);
        }
      });
}

CONFORMANCE(HttpDuplex, WhatFailsOnOneSideEndsTheOther) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c;
        event begun;
        auto fails = http::make_body([&]() -> task<std::optional<std::string>> {
          co_await begun.wait();
          throw std::domain_error("no more");
        });
        EXPECT_TRUE(co_await caught<std::domain_error>(
            c.send(put(at, std::move(fails), 100), [&](response& r) -> task<> {
              begun.set();
              co_await r.text();
              ADD_FAILURE() << "the reader was to be cancelled";
            })));
        EXPECT_EQ(c.open_connections(), 0U);
        EXPECT_TRUE(co_await caught<std::domain_error>(
            c.send(put(at, endless_wait(), 100),
                   [](response&) -> task<> { throw std::domain_error("enough"); })));
        EXPECT_EQ(c.open_connections(), 0U);
        const auto late = co_await caught<http::timeout_error>(
            c.send(put(at, endless_wait(), 100).timeout(20ms),
                   [](response& r) -> task<> { co_await r.text(); }));
        EXPECT_TRUE(late && late->phase() == http::phase::total);
        EXPECT_EQ(c.open_connections(), 0U);
      });
}

CONFORMANCE(HttpDuplex, ARefusalEndsTheUploadBeforeItIsRead) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c;
        const std::string text =
            co_await c.send(http::request("PUT", at + "/").body(endless_wait()),
                            [](response& r) -> task<std::string> {
                              EXPECT_EQ(r.status(), 413);
                              co_return co_await r.text();
                            });
        EXPECT_EQ(text, "no");
        EXPECT_EQ(c.open_connections(), 0U);
      });
}

// A policy may throw an answer away whose request is still being sent, and ask again.
CONFORMANCE(HttpDuplex, APolicyMayAskAgainDuringTheUpload) {
  struct twice final : http::request_policy {
    task<response> run(http::policy_call call) override {
      co_await call.attempt();
      co_return co_await call.attempt();
    }
  };
  co_await with_peer(
      [](tcp_stream& s, int n) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        if (n == 1) co_await in.read_until("0\r\n\r\n", 1000);
        co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(n));
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c(http::client_options().max_connections(1).policy(std::make_shared<twice>()));
        int opened = 0;
        auto bodies = http::repeatable_body([&] {
          if (opened++ == 0) return endless_wait();
          return http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
            if (n++ > 0) co_return std::nullopt;
            co_return "x";
          });
        });
        const std::string text =
            co_await c.send(http::request("PUT", at + "/").body(std::move(bodies)),
                            [](response& r) { return r.text(); });
        EXPECT_EQ(text, "1");
        EXPECT_EQ(opened, 2);
      });
}

CONFORMANCE_RUNS(HttpDuplex, LeavesNothingWhereverItIsCancelled) {
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(http::client_options().max_connections(1));
        co_await with_peer(echoes(300),
                           [&](std::string at) -> task<> { co_await play_ping_pong(*c, at, 3); });
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 12U);
}

CONFORMANCE_RUNS(HttpDuplex, AnUploadThatGoesOnLeavesNothingWhereverItIsCancelled) {
  std::optional<http::client> c;
  int bodies = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(http::client_options().max_connections(1));
        co_await with_peer(says_yes_first(3, bodies), [&](std::string at) -> task<> {
          auto body = http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
            if (n++ == 3) co_return std::nullopt;
            co_await sleep_for(100us);
            co_return "x";
          });
          response r = co_await c->send(put(at, std::move(body), 3));
          EXPECT_EQ(co_await r.text(), "all");
        });
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 9U);
}
