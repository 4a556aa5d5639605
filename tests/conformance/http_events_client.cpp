// Server-sent events as a client gets them: over dropped connections, none is lost and none comes
// twice.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/wire/chunked.hpp>
#include <rondo/runtime/core/random.hpp>

#include <charconv>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::event_sink;
using http::event_source;
using http::event_source_options;
using http::server_request;
using http::server_response;

namespace http_events_client_cases {
namespace {

event_source_options quick() { return event_source_options().retry(1ms).extra(backoff()); }

const std::string stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

// Which connection of a peer gets which bytes; the last one's go to all that follow.
struct scripted_peer {
  std::vector<std::string> answers;
  std::vector<std::string> heads{};  // what was asked

  task<> operator()(tcp_stream& s, int n) {
    if (speaks_http2()) {  // a request instead of a connection
      co_await answer_over_http2(s, [this](std::string head) {
        heads.push_back(std::move(head));
        return answers[std::min(heads.size(), answers.size()) - 1];
      });
      co_return;
    }
    net::buffered_reader in(s);
    heads.push_back(co_await read_head(in));
    const std::string& answer = answers[std::min(static_cast<std::size_t>(n), answers.size() - 1)];
    co_await write_text(s, answer);
    co_await s.shutdown_write();
    co_await until_closed(s);
  }
};

// Everything until the source ends, as "id:data ".
task<std::string> all_of(event_source& source) {
  std::string all;
  while (const auto e = co_await source.next()) all += e->id + ":" + e->data + " ";
  co_return all;
}

// Runs a body beside a peer that answers by script.
template <class Body>
task<> with_script(scripted_peer& peer, Body body) {
  co_await with_peer([&](tcp_stream& s, int n) -> task<> { co_await peer(s, n); },
                     [&](std::string origin) -> task<> { co_await body(std::move(origin)); });
}

const std::string no_more = "HTTP/1.1 204 No Content\r\n\r\n";

int number(std::string_view text) {
  int n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

// Sends 1, 2, … `total`, from where the client was, and drops the connection somewhere, a random
// number of bytes into its stream. Then answers 204.
class numbers_peer {
 public:
  numbers_peer(int total, std::uint64_t seed) : total_(total), random_(seed) {}

  task<> operator()(tcp_stream& s, int) {
    ++connections;
    net::buffered_reader in(s);
    const std::string head = co_await read_head(in);
    const std::size_t at = head.find("Last-Event-ID: ");
    const int last = at == std::string::npos ? 0 : number(std::string_view(head).substr(at + 15));
    if (last == total_) {
      co_await write_text(s, no_more);
    } else {
      std::string text = stream_head;
      std::string stream;
      for (int n = last + 1; n <= total_; ++n)
        stream += "id: " + std::to_string(n) + "\r\ndata: " + std::to_string(n) + "\n\r\n";
      for (std::size_t i = 0; i < stream.size();) {
        const auto piece = static_cast<std::size_t>(random_.between(1, 40));
        http::detail::write_chunk(text, std::string_view(stream).substr(i, piece));
        i += piece;
      }
      const auto cut = static_cast<std::size_t>(random_.between(0, 300));
      if (cut < text.size()) text.resize(cut);
      co_await write_text(s, text);
    }
    if (random_.chance(0.5)) co_return;  // closed, perhaps with a reset
    co_await s.shutdown_write();
    co_await until_closed(s);
  }
  int connections = 0;

 private:
  int total_;
  rondo::detail::random_source random_;
};

}  // namespace

EVERY_VERSION(ClientEvents, ComeInOrderUntilTheServerSaysThatThereAreNoMore) {
  http::server server;
  server.route("GET", "/", [](server_request& r) -> task<server_response> {
    EXPECT_EQ(r.headers().get("Accept"), "text/event-stream");
    EXPECT_EQ(r.headers().get("Cache-Control"), "no-store");
    const int last = number(r.last_event_id());
    if (last == 6) co_return server_response(204);
    co_return server_response::events([last](event_sink& out) -> task<> {
      for (int n = last + 1; n <= last + 3; ++n)
        co_await out.send(http::event().id(std::to_string(n)).data("d\n" + std::to_string(n)));
    });
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick());
    for (int n = 1; n <= 6; ++n) {
      const auto e = co_await source.next();
      EXPECT_TRUE(e);
      if (!e) co_return;
      EXPECT_EQ(e->id, std::to_string(n));
      EXPECT_EQ(e->data, "d\n" + std::to_string(n));
      EXPECT_EQ(e->type, "message");
      EXPECT_EQ(source.last_event_id(), e->id);
      EXPECT_TRUE(source.open());
    }
    EXPECT_FALSE(co_await source.next());
    EXPECT_FALSE(co_await source.next());
    EXPECT_FALSE(source.open());
    EXPECT_EQ(source.opened(), 2U);
    EXPECT_EQ(source.failure(), nullptr);  // the server had ended them well
  });
}

// The rule of the whole: whatever becomes of connections, each number comes once, in order.
CONFORMANCE(ClientEvents, NoNumberIsLostOrDoubledOverDroppedConnections) {
  constexpr int total = 100;
  const int seeds = std::getenv("RONDO_TEST_LONG") ? 200 : 4;
  for (int seed = 0; seed < seeds; ++seed) {
    numbers_peer peer(total, static_cast<std::uint64_t>(seed));
    co_await with_peer([&](tcp_stream& s, int n) -> task<> { co_await peer(s, n); },
                       [&](std::string origin) -> task<> {
                         http::client c;
                         auto source = c.events(origin + "/", quick());
                         int expected = 1;
                         for (;;) {
                           std::optional<http::message_event> e;
                           try {
                             e = co_await source.next();
                           } catch (const http::error&) {
                             // the first stream of all could not be opened
                             EXPECT_EQ(source.opened(), 0U);
                             continue;
                           }
                           if (!e) break;
                           EXPECT_EQ(e->data, std::to_string(expected));
                           EXPECT_EQ(e->id, e->data);
                           ++expected;
                         }
                         EXPECT_EQ(expected, total + 1);
                         EXPECT_GT(peer.connections, 5);
                       });
  }
}

// A cancelled wait gives up the connection, and no event.
EVERY_VERSION(ClientEvents, NoNumberIsLostOrDoubledByCancelledWaits) {
  constexpr int total = 12;
  http::server server;
  server.events("/", [](server_request& r, event_sink& out) -> task<> {
    for (int n = number(r.last_event_id()) + 1; n <= total; ++n) {
      co_await out.send(http::event().id(std::to_string(n)).data("x"));
      co_await sleep_for(std::chrono::microseconds(300 * (n % 5)));
    }
    co_await sleep_for(1h);
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick());
    for (int n = 1; n <= total;) {
      const auto e = co_await try_for(500us * (n % 3 + 1) + 3ms, source.next());
      if (!e) continue;
      EXPECT_EQ((*e)->id, std::to_string(n));
      ++n;
    }
  });
}

EVERY_VERSION(ClientEvents, AnotherContentTypeIsAnErrorThatNamesIt) {
  http::server server;
  server.route("GET", "/html", [](server_request&) -> task<server_response> {
    co_return server_response::text("data: x\n\n").header("Content-Type", "text/html");
  });
  server.route("GET", "/none", [](server_request&) -> task<server_response> {
    server_response r(200);
    co_return r;
  });
  server.route("GET", "/utf8", [](server_request&) -> task<server_response> {
    co_return server_response::text("data: x\n\n")
        .header("Content-Type", "Text/Event-Stream ; charset=utf-8");
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    auto html = c.events(origin + "/html", quick());
    for (int i = 0; i < 2; ++i) {  // a further next() asks again
      const auto e = co_await caught<http::protocol_error>(html.next());
      EXPECT_TRUE(e);
      if (!e) co_return;
      EXPECT_EQ(e->message(), "the answer is no event stream: its Content-Type is \"text/html\"");
      EXPECT_EQ(e->url(), origin + "/html");
    }
    auto none = c.events(origin + "/none", quick());
    const auto e = co_await caught<http::protocol_error>(none.next());
    EXPECT_TRUE(e && e->message() == "the answer is no event stream: its Content-Type is missing");
    auto utf8 = c.events(origin + "/utf8", quick());
    EXPECT_EQ((co_await utf8.next())->data, "x");
  });
}

EVERY_VERSION(ClientEvents, RedirectsAreFollowed) {
  http::server server;
  server.route("GET", "/old", [](server_request&) -> task<server_response> {
    co_return server_response(307).header("Location", "/new");
  });
  server.events("/new", [](server_request& r, event_sink& out) -> task<> {
    co_await out.send(http::event().id("7").data("after " + std::string(r.last_event_id())));
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken().base_url(origin));
    auto source = c.events("/old", quick().last_event_id("5"));
    EXPECT_EQ((co_await source.next())->data, "after 5");
    EXPECT_EQ((co_await source.next())->data, "after 7");
  });
}

EVERY_VERSION(ClientEvents, AStatusOfItsOwnIsThrown) {
  scripted_peer peer{{stream_head + "9\r\ndata: x\n\n\r\n0\r\n\r\n",
                      "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"}};
  co_await with_script(peer, [&](std::string origin) -> task<> {
    http::client c(spoken().raise_for_status());
    auto source = c.events(origin + "/", quick());
    EXPECT_TRUE(co_await source.next());
    const auto e = co_await caught<http::status_error>(source.next());
    EXPECT_TRUE(e && e->status() == 403);
    EXPECT_NE(source.failure(), nullptr);
  });
}

CONFORMANCE(ClientEvents, WhatPassesIsTriedAgainOnceAStreamHasCome) {
  const std::string one = stream_head + "9\r\ndata: x\n\n\r\n0\r\n\r\n";
  scripted_peer peer{{one, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "",
                      "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 2", one, no_more}};
  co_await with_script(peer, [&](std::string origin) -> task<> {
    http::client c;
    auto source = c.events(origin + "/", quick());
    EXPECT_EQ(co_await all_of(source), ":x :x ");
    EXPECT_EQ(source.opened(), 2U);
    EXPECT_GE(peer.heads.size(), 7U);
  });
}

EVERY_VERSION(ClientEvents, BeforeTheFirstStreamAFailureIsThrown) {
  scripted_peer peer{{"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
                      stream_head + "9\r\ndata: x\n\n\r\n0\r\n\r\n"}};
  co_await with_script(peer, [&](std::string origin) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick());
    const auto e = co_await caught<http::status_error>(source.next());
    EXPECT_TRUE(e && e->status() == 503);
    EXPECT_TRUE(co_await source.next());
  });
}

EVERY_VERSION(ClientEvents, TooManyFailuresInARowAreThrown) {
  const std::string one = stream_head + "9\r\ndata: x\n\n\r\n0\r\n\r\n";
  const std::string busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
  scripted_peer peer{{one, busy, one, busy, busy}};
  co_await with_script(peer, [&](std::string origin) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick().max_failures(2));
    EXPECT_TRUE(co_await source.next());
    EXPECT_TRUE(co_await source.next());
    EXPECT_TRUE(co_await caught<http::status_error>(source.next()));
    EXPECT_EQ(peer.heads.size(), 5U);
    EXPECT_THROW(event_source_options().max_failures(0), std::invalid_argument);
  });
}

EVERY_VERSION(ClientEvents, LimitsHold) {
  http::server server;
  server.events("/", [](server_request&, event_sink& out) -> task<> {
    co_await out.send(http::event().data("small"));
    co_await out.send(http::event().data(std::string(1000, 'x')));
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick().limits({.line_bytes = 100}));
    EXPECT_TRUE(co_await source.next());
    const auto e = co_await caught<http::protocol_error>(source.next());
    EXPECT_TRUE(e);
    if (!e) co_return;
    EXPECT_EQ(e->message(), "the event stream has a line of more than 100 bytes");
    EXPECT_EQ(e->url(), origin + "/");
    co_await expect_given_up(c);
  });
}

EVERY_VERSION(ClientEvents, RequestsOfOnesOwnAreMadeForEachConnection) {
  http::server server;
  server.route("POST", "/", [](server_request& r) -> task<server_response> {
    const std::string said = co_await r.text();
    co_return server_response::events(
        [said](event_sink& out) -> task<> { co_await out.send(http::event().data(said)); });
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    int made = 0;
    event_source source(
        c, [&] { return c.make("POST", origin + "/").body(std::to_string(++made)); }, quick());
    EXPECT_EQ((co_await source.next())->data, "1");
    EXPECT_EQ((co_await source.next())->data, "2");
  });
}

EVERY_VERSION(ClientEvents, ASilentConnectionIsTakenForLost) {
  http::server server;
  int connections = 0;
  server.events("/", [&](server_request&, event_sink& out) -> task<> {
    co_await out.send(http::event().data(std::to_string(++connections)));
    co_await sleep_for(1h);
  });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick().silence(20ms));
    EXPECT_EQ((co_await source.next())->data, "1");
    EXPECT_EQ((co_await source.next())->data, "2");
    try {
      std::rethrow_exception(source.failure());
    } catch (const http::timeout_error& e) {
      EXPECT_EQ(e.phase(), http::phase::read);
    }
  });
}

EVERY_VERSION(ClientEvents, TwoTasksCannotReadOneSource) {
  http::server server;
  server.events("/", [](server_request&, event_sink&) -> task<> { co_await sleep_for(1h); });
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken());
    auto source = c.events(origin + "/", quick());
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(source.next());
      co_await yield_now();
      EXPECT_TRUE(co_await caught<std::logic_error>(source.next()));
      h.cancel();
    });
  });
}

// --- how long it waits ---------------------------------------------------------------------------

namespace {

// When, in milliseconds of virtual time, a source asks that gets these answers.
std::vector<std::int64_t> times_of_asking(std::vector<std::string> answers,
                                          event_source_options options) {
  std::vector<std::int64_t> times;
  simulate([&]() -> task<> {
    const auto begin = this_loop().now();
    scripted_peer peer{std::move(answers)};
    co_await with_peer(
        [&](tcp_stream& s, int n) -> task<> {
          times.push_back((this_loop().now() - begin) / 100ms);
          co_await peer(s, n);
        },
        [&](std::string origin) -> task<> {
          http::client c(spoken());
          auto source = c.events(origin + "/", options);
          for (;;) {
            try {
              if (!co_await source.next()) co_return;
            } catch (const http::error&) {
            }
          }
        });
  });
  return times;
}

std::string stream_of(std::string_view text) {
  std::string all = stream_head;
  http::detail::write_chunk(all, text);
  http::detail::write_last_chunk(all, {});
  return all;
}

}  // namespace

TEST(ClientEventsClock, WaitsAsLongAsTheServerSays) {
  using times = std::vector<std::int64_t>;
  const auto plain = event_source_options().extra(backoff());
  const std::string busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n";
  EXPECT_EQ(times_of_asking({stream_of("data: x\n\n"), stream_of("data: x\n\n"), no_more}, plain),
            (times{0, 20, 40}));
  EXPECT_EQ(times_of_asking(
                {stream_of("retry: 500\ndata: x\n\n"), stream_of("data: x\n\n"), no_more}, plain),
            (times{0, 5, 10}));
  EXPECT_EQ(times_of_asking({stream_of("retry: 1000\n"), busy + "Retry-After: 7\r\n\r\n",
                             busy + "\r\n", no_more},
                            plain),
            (times{0, 10, 80, 90}));
  EXPECT_EQ(times_of_asking({stream_of("retry: 99999999999999999999\n"),
                             busy + "Retry-After: 9999999999\r\n\r\n", no_more},
                            event_source_options().extra(backoff()).longest_delay(60s)),
            (times{0, 600, 1200}));
}

TEST(ClientEventsClock, WaitsLongerFromFailureToFailureUntilAnEventComes) {
  const std::string lost = stream_of(": nothing\n");
  const auto times =
      times_of_asking({lost, lost, lost, stream_of("data: x\n\n"), lost, no_more},
                      event_source_options().retry(1s).extra(backoff::exponential(1s).cap(30s)));
  EXPECT_EQ(times, (std::vector<std::int64_t>{0, 20, 50, 100, 120, 150}));
  const auto spread = times_of_asking({lost, no_more}, event_source_options());
  EXPECT_GE(spread[1], 20);
  EXPECT_LE(spread[1], 25);
}

// --- cancellation --------------------------------------------------------------------------------

EVERY_VERSION_RUNS(ClientEvents, AreCancelledAtEveryWait) {
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace();
        http::server server;
        server.route("GET", "/", [](server_request& r) -> task<server_response> {
          const int last = number(r.last_event_id());
          if (last == 3) co_return server_response(204);
          co_return server_response::events(
              [last](event_sink& out) -> task<> {
                co_await out.send(http::event().id(std::to_string(last + 1)).data("x"));
                if (last == 0) co_await out.send(http::event().id("2").data("x"));
              },
              0s);
        });
        co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
          auto source = c->events(origin + "/", quick());
          EXPECT_EQ(co_await all_of(source), "1:x 2:x 3:x ");
        });
      },
      [&] {
        EXPECT_EQ(c->open_connections(), 0U);
        wait_for_abandoned_lookups();
      });
  EXPECT_GE(n.at_rest, 15U);
  EXPECT_GE(n.posted, 15U);
  EXPECT_GE(n.at_wake, 15U);
}

}  // namespace http_events_client_cases
