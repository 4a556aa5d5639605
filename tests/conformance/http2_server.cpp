// The server over HTTP/2: the same handlers, a task a stream.
#include "http/http2_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/server/serve_http2.hpp>
#include <rondo/patterns.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;
using http2::http2_code;
using http2::http2_stream_ref;

namespace http2_server_cases {
namespace {

// A body of `pieces` times `piece`.
std::unique_ptr<http::body_source> repeated(std::string piece, int pieces) {
  return http::make_body(
      [piece = std::move(piece), pieces]() mutable -> task<std::optional<std::string>> {
        if (pieces-- == 0) co_return std::nullopt;
        co_return piece;
      });
}

struct some_server {
  http::server server;
  int running = 0;
  int most_running = 0;
  int begun = 0;
  event go_on;

  struct counted {
    explicit counted(some_server& s) : of(s) {
      ++of.begun;
      of.most_running = std::max(of.most_running, ++of.running);
    }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --of.running; }
    some_server& of;
  };

  explicit some_server(server_options o = {}) : server(std::move(o)) {
    server.route("GET", "/hello/{name}", [](server_request& r) -> task<server_response> {
      co_return server_response::text("hello " + std::string(r.param("name")));
    });
    server.route("POST", "/echo", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text());
    });
    // Gives each piece back as it comes.
    server.route("POST", "/stream", [](server_request& r) -> task<server_response> {
      co_return server_response::stream(http::make_body([&r]() -> task<std::optional<std::string>> {
        const std::span<const std::byte> piece = co_await r.next_chunk();
        if (piece.empty()) co_return std::nullopt;
        co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
      }));
    });
    server.route("GET", "/much", [](server_request&) -> task<server_response> {
      co_return server_response::stream(repeated(std::string(100'000, 'm'), 20));
    });
    server.route("GET", "/wait", [this](server_request&) -> task<server_response> {
      const counted mine(*this);
      co_await go_on.wait();
      co_return server_response::text("waited");
    });
    server.route("POST", "/early", [](server_request&) -> task<server_response> {
      co_return server_response::text("no", 403);
    });
    server.route("GET", "/facts", [](server_request& r) -> task<server_response> {
      co_return server_response::text(std::string(to_string(r.version())) + ' ' + r.method() + ' ' +
                                      r.target() + ' ' +
                                      std::string(r.headers().get("host").value_or("")) + ' ' +
                                      std::string(r.cookie("b").value_or("")));
    });
    server.route("GET", "/hints", [](server_request& r) -> task<server_response> {
      co_await r.early_hints(http::headers{{"Link", "</a>; rel=preload"}});
      co_return server_response(204);
    });
    server.route("GET", "/throws", [](server_request&) -> task<server_response> {
      throw std::runtime_error("of the handler");
      co_return server_response();
    });
    server.events("/ticks", [](server_request&, http::event_sink& out) -> task<> {
      for (int n = 0;; ++n) {
        co_await out.send(http::event().data(std::to_string(n)));
        co_await sleep_for(1ms);
      }
    });
  }
};

task<> until(auto condition) {
  while (!condition()) co_await sleep_for(1ms);
}

}  // namespace

CONFORMANCE(Http2Server, AnswersWithWhatTheRouteSays) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    const h2_answer a = co_await c.get("/hello/you");
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.body, "hello you");
    EXPECT_EQ(a.fields.get("content-length"), "9");
    EXPECT_TRUE(a.fields.contains("date"));
    EXPECT_FALSE(a.fields.contains("connection"));
    EXPECT_EQ((co_await c.get("/nothing")).status, 404);
    EXPECT_EQ((co_await c.ask(h2_request("DELETE", "/hello/x"))).status, 405);
    const h2_answer head = co_await c.ask(h2_request("HEAD", "/hello/you"));
    EXPECT_EQ(head.fields.get("content-length"), "9");
    EXPECT_EQ(head.body, "");
  });
}

CONFORMANCE(Http2Server, ARequestReadsAsOneOfHttp11) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    const h2_answer a = co_await c.ask(
        h2_request("GET", "/facts?q", http::headers{{"cookie", "a=1"}, {"cookie", "b=2"}}));
    EXPECT_EQ(a.body, "HTTP/2 GET /facts?q a 2");
  });
}

CONFORMANCE(Http2Server, BodiesGoBothWays) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    std::string much;
    for (int i = 0; much.size() < 900'000; ++i) much += std::to_string(i) + ' ';
    const h2_answer a = co_await c.ask(h2_request("POST", "/echo"), much);
    EXPECT_EQ(a.status, 200);
    EXPECT_TRUE(a.body == much);
    const h2_answer streamed = co_await c.ask(h2_request("POST", "/stream"), much);
    EXPECT_TRUE(streamed.body == much);
    EXPECT_FALSE(streamed.fields.contains("content-length"));
    const h2_answer large = co_await c.get("/much");
    EXPECT_EQ(large.body.size(), 2'000'000U);
  });
}

CONFORMANCE(Http2Server, AHundredAtOnce) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    std::vector<task<h2_answer>> asked;
    for (int i = 0; i < 100; ++i) asked.push_back(c.get("/hello/" + std::to_string(i)));
    const std::vector<h2_answer> answers = co_await gather(std::move(asked));
    for (std::size_t i = 0; i < answers.size(); ++i)
      EXPECT_EQ(answers[i].body, "hello " + std::to_string(i));
  });
}

CONFORMANCE(Http2Server, ABodyThatIsTooLargeIsRefused) {
  some_server s(server_options().max_body(1'000));
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    const h2_answer a = co_await c.ask(h2_request("POST", "/echo"), std::string(300'000, 'x'));
    EXPECT_EQ(a.status, 413);
    EXPECT_TRUE(a.whole);
    EXPECT_EQ((co_await c.get("/hello/again")).status, 200);
  });
}

// curl#986, h2#634.
CONFORMANCE(Http2Server, AnEarlyAnswerIsWholeAndEndsTheUpload) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2_stream_ref st = c.session().open(h2_request("POST", "/early"), false);
    co_await h2_client::send(*st, std::string(10'000'000, 'x'));
    const h2_answer a = co_await h2_client::answer_of(*st);
    EXPECT_EQ(a.status, 403);
    EXPECT_EQ(a.body, "no");
    EXPECT_TRUE(a.whole);
    co_await h2_client::until_closed(*st);
    EXPECT_EQ(st->code(), http2_code::no_error);
    EXPECT_EQ((co_await c.get("/hello/again")).status, 200);
  });
}

CONFORMANCE(Http2Server, EarlyHintsComeFirst) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2_stream_ref st = c.session().open(h2_request("GET", "/hints"), true);
    co_await h2_client::until_head(*st);
    EXPECT_EQ(st->head().status, 204);
    EXPECT_EQ(st->interim().size(), 1U);
    if (!st->interim().empty()) EXPECT_EQ(st->interim().front().status, 103);
  });
}

CONFORMANCE_RUNS(Http2Server, AHandlerThatThrowsIsAnsweredFor) {
  int reported = 0;
  run(
      [&]() -> task<> {
        some_server s;
        co_await with_h2(s.server, [&](h2_client& c) -> task<> {
          EXPECT_EQ((co_await c.get("/throws")).status, 500);
          EXPECT_EQ((co_await c.get("/hello/again")).status, 200);
        });
      }(),
      options_for(reactor).on_unhandled([&](const std::exception_ptr&) { ++reported; }));
  EXPECT_EQ(reported, 1);
}

CONFORMANCE(Http2Server, AResetCancelsTheHandlerAndNoOther) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2_stream_ref one = c.session().open(h2_request("GET", "/wait"), true);
    http2_stream_ref other = c.session().open(h2_request("GET", "/wait"), true);
    co_await until([&] { return s.running == 2; });
    one.drop();
    one = {};
    co_await until([&] { return s.running == 1; });
    EXPECT_EQ(c.session().places(), 1U);
    s.go_on.set();
    EXPECT_EQ((co_await h2_client::answer_of(*other)).body, "waited");
  });
}

CONFORMANCE(Http2Server, AClientThatGoesCancelsItsHandlers) {
  some_server s;
  co_await with_server(s.server, [&](const std::string&, endpoint here) -> task<> {
    co_await with_h2_client(here, [&](h2_client& c) -> task<> {
      http2_stream_ref one = c.session().open(h2_request("GET", "/wait"), true);
      http2_stream_ref two = c.session().open(h2_request("GET", "/wait"), true);
      co_await until([&] { return s.running == 2; });
      c.stream().abort();
      co_await until([&] { return s.running == 0; });
    });
  });
}

CONFORMANCE(Http2Server, EventsComeAsTheyAreSent) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    http2_stream_ref st = c.session().open(h2_request("GET", "/ticks"), true);
    std::string got;
    while (got.find("data: 5") == std::string::npos) {
      st->incoming.clear();
      got += st->take_body();
      if (got.find("data: 5") == std::string::npos) co_await st->incoming.wait();
    }
    EXPECT_EQ(st->head().fields.get("content-type"), "text/event-stream");
  });
}

// The preface may come in any pieces, and what begins like it is HTTP/1.1.
CONFORMANCE(Http2Server, ThePrefaceIsRecognisedByteByByte) {
  some_server s;
  co_await with_server(s.server, [&](const std::string&, endpoint here) -> task<> {
    tcp_stream raw = co_await tcp_stream::connect(here);
    http2::http2_session client(http2::http2_role::client, h2_client_settings());
    http2_stream_ref st = client.open(h2_request("GET", "/hello/you"), true);
    while (!st->in_ended()) {
      for (auto out = client.unsent(); !out.empty(); out = client.unsent()) {
        for (const std::byte& b : out) {
          co_await raw.write_all(std::span(&b, 1));
          co_await yield_now();
        }
        client.sent(out.size());
      }
      std::array<std::byte, 4096> room;
      const std::size_t n = co_await raw.read_some(room);
      EXPECT_GT(n, 0U);
      if (n == 0) break;
      client.receive(std::span(room).first(n), this_loop().now());
    }
    EXPECT_EQ(st->take_body(), "hello you");
    EXPECT_EQ(first_line(co_await exchange_bytes(here, "PRI * HTTP/1.1\r\nHost: a\r\n\r\n")),
              "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(first_line(co_await exchange_bytes(
                  here, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")),
              "HTTP/1.1 403 Forbidden");
  });
}

// golang/go#21229, httpcore#943, aspnetcore#13406: places of what was cancelled come back, and not
// before the reset has been written.
CONFORMANCE(Http2Server, PlacesOfCancelledRequestsComeBack) {
  some_server s;
  co_await with_h2(s.server, [&](h2_client& c) -> task<> {
    for (int round = 0; round < 3; ++round) {
      std::vector<http2_stream_ref> asked;
      for (int i = 0; i < 100; ++i)
        asked.push_back(c.session().open(h2_request("GET", "/wait"), true));
      co_await until([&] { return s.running > 50; });
      asked.clear();
      EXPECT_EQ(c.session().places(), 100U);
      co_await c.until_free();
    }
    EXPECT_EQ((co_await c.get("/hello/again")).status, 200);
    EXPECT_LE(s.most_running, 100);
  });
}

// The limit is of handlers alive: their cleanup counts.
CONFORMANCE(Http2Server, ACancelledHandlerHoldsItsPlaceUntilItsCleanupIsOver) {
  http::server server;
  int cleaning = 0;
  int most = 0;
  int begun = 0;
  event clean;
  event never;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    ++begun;
    co_await finally([&]() -> task<> { co_await never.wait(); }(),
                     [&]() -> task<> {
                       most = std::max(most, ++cleaning);
                       co_await clean.wait();
                       --cleaning;
                     });
    co_return server_response();
  });
  server.route("GET", "/quick", [](server_request&) -> task<server_response> {
    co_return server_response::text("quick");
  });
  co_await with_h2(server, [&](h2_client& c) -> task<> {
    for (int round = 0; round < 3; ++round) {
      std::vector<http2_stream_ref> asked;
      for (int i = 0; i < 100; ++i) asked.push_back(c.session().open(h2_request("GET", "/"), true));
      co_await until([&] { return begun == 100; });
      asked.clear();
      co_await c.until_free();
    }
    co_await until([&] { return cleaning == 100; });
    EXPECT_EQ(begun, 100) << "others wait until the cleanups are over";
    clean.set();
    EXPECT_EQ((co_await c.get("/quick")).body, "quick");
    EXPECT_EQ(most, 100);
  });
}

// --- the stop ---

CONFORMANCE(Http2Server, AStopLetsStreamsEndAndTakesNoNewOnes) {
  some_server s;
  http::stop_handle stop;
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    auto serving = g.spawn([&] { return s.server.serve(std::move(listener), stop); });
    co_await with_h2_client(here, [&](h2_client& c) -> task<> {
      http2_stream_ref one = c.session().open(h2_request("GET", "/wait"), true);
      http2_stream_ref ticks = c.session().open(h2_request("GET", "/ticks"), true);
      co_await until([&] { return s.running == 1; });
      stop.stop();
      co_await until([&] { return c.session().goaway_came(); });
      EXPECT_EQ(c.session().goaway_code(), http2_code::no_error);
      EXPECT_TRUE((co_await h2_client::answer_of(*ticks)).whole) << "event streams end";
      s.go_on.set();
      EXPECT_EQ((co_await h2_client::answer_of(*one)).body, "waited");
      EXPECT_TRUE(c.session().open(h2_request("GET", "/hello/x"), true)->refused());
      co_await c.until_lost();
    });
    co_await serving;
  });
}

// hyper#4170: an unfinished preface holds the stop.
TEST(Http2ServerStop, APrefaceThatIsNotFinishedDoesNotHoldIt) {
  for (const std::string said : {"PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    simulate([&]() -> task<> {
      some_server s;
      http::stop_handle stop;
      tcp_listener listener = listen_here();
      const endpoint here = listener.local_endpoint();
      co_await with_task_group([&](task_group& g) -> task<> {
        auto serving = g.spawn([&] { return s.server.serve(std::move(listener), stop); });
        tcp_stream raw = co_await tcp_stream::connect(here);
        co_await write_text(raw, said);
        co_await sleep_for(1900ms);
        const auto begun = this_loop().now();
        stop.stop();
        co_await read_text(raw);
        raw.close();
        co_await serving;
        EXPECT_LE(this_loop().now() - begun, 1100ms) << said;
      });
    });
  }
}

// It has no more to say, and answers no ping: a stop that waits for its answer takes a second.
TEST(Http2ServerStop, AClientThatTakesItsLeaveDoesNotHoldIt) {
  simulate([]() -> task<> {
    some_server s;
    http::stop_handle stop;
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto serving = g.spawn([&] { return s.server.serve(std::move(listener), stop); });
      tcp_stream raw = co_await tcp_stream::connect(here);
      const std::string settings("\0\0\0\x04\0\0\0\0\0", 9);
      co_await write_text(raw, std::string(http2::http2_preface) + settings);
      co_await sleep_for(1s);
      const auto begun = this_loop().now();
      stop.stop();
      co_await write_text(raw, std::string("\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0", 17));
      co_await read_text(raw);
      raw.close();
      co_await serving;
      EXPECT_LE(this_loop().now() - begun, 100ms);
    });
  });
}

// --- the clocks ---

TEST(Http2ServerClocks, APrefaceHasTenSecondsAndItsSettingsTwo) {
  simulate([]() -> task<> {
    some_server s;
    co_await with_server(s.server, [&](const std::string&, endpoint here) -> task<> {
      tcp_stream raw = co_await tcp_stream::connect(here);
      co_await write_text(raw, std::string(http2::http2_preface));
      const auto begun = this_loop().now();
      const std::string got = co_await read_text(raw);
      EXPECT_GE(this_loop().now() - begun, 2s);
      EXPECT_LE(this_loop().now() - begun, 2100ms);
      EXPECT_TRUE(got.size() > 17 && got.back() == 4) << "GOAWAY with SETTINGS_TIMEOUT";
    });
  });
}

TEST(Http2ServerClocks, AConnectionWithoutStreamsIsTakenLeaveOf) {
  simulate([]() -> task<> {
    some_server s(server_options().idle_timeout(20s));
    co_await with_h2(s.server, [&](h2_client& c) -> task<> {
      EXPECT_EQ((co_await c.get("/hello/x")).status, 200);
      co_await sleep_for(15s);
      EXPECT_EQ((co_await c.get("/hello/x")).status, 200);
      const auto begun = this_loop().now();
      co_await c.until_lost();
      EXPECT_TRUE(c.session().goaway_came());
      EXPECT_EQ(c.session().goaway_code(), http2_code::no_error);
      EXPECT_GE(this_loop().now() - begun, 20s);
      EXPECT_LE(this_loop().now() - begun, 21s);
    });
  });
}

TEST(Http2ServerClocks, AStreamThatCannotSendIsResetAndTheOthersGoOn) {
  simulate([]() -> task<> {
    some_server s(server_options().write_timeout(60s));
    http2::http2_settings small = h2_client_settings();
    small.stream_window = 1000;
    co_await with_h2(
        s.server,
        [&](h2_client& c) -> task<> {
          http2_stream_ref stuck = c.session().open(h2_request("GET", "/much"), true);
          co_await sleep_for(59s);
          EXPECT_FALSE(stuck->closed());
          EXPECT_EQ((co_await c.get("/hello/x")).status, 200);
          co_await sleep_for(2s);
          EXPECT_TRUE(stuck->closed());
          EXPECT_EQ(stuck->code(), http2_code::cancel);
          EXPECT_EQ((co_await c.get("/hello/x")).status, 200);
        },
        small);
  });
}

TEST(Http2ServerClocks, ABodyThatDoesNotComeIsAnswered408) {
  simulate([]() -> task<> {
    some_server s;
    co_await with_h2(s.server, [&](h2_client& c) -> task<> {
      http2_stream_ref st = c.session().open(h2_request("POST", "/echo"), false);
      co_await h2_client::send(*st, "some");
      const auto begun = this_loop().now();
      EXPECT_EQ((co_await h2_client::answer_of(*st)).status, 408);
      EXPECT_GE(this_loop().now() - begun, 5s);
    });
  });
}

// hyper#4003, golang/go#54330, curl#16955: an upload that nobody reads starves the others.
CONFORMANCE(Http2Server, OneUploadThatNobodyReadsDoesNotStarveTheOthers) {
  http::server server;
  event go_on;
  server.route("POST", "/unread", [&](server_request&) -> task<server_response> {
    co_await go_on.wait();
    co_return server_response();
  });
  server.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::text(co_await r.text());
  });
  co_await with_h2(server, [&](h2_client& c) -> task<> {
    std::vector<http2_stream_ref> idle;
    const std::string piece(60'000, 'x');
    for (int i = 0; i < 8; ++i) {
      idle.push_back(c.session().open(h2_request("POST", "/unread"), false));
      for (int n = 0; n < 5; ++n) co_await h2_client::send(*idle.back(), piece);
    }
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(
          (co_await c.ask(h2_request("POST", "/echo"), std::string(500'000, 'y'))).body.size(),
          500'000U);
    go_on.set();
  });
}

// One request is cancelled at every wait while nine others run: none of the nine notices, and its
// place is free at the end.
CONFORMANCE_RUNS(Http2Server, ARequestCancelledAtEveryWaitIsNotNoticedByNineOthers) {
  using rondo::test::detail::canceller;
  const std::string piece(20'000, 'x');
  const auto scenario = [&](canceller& cancel) -> task<> {
    some_server s;
    co_await with_h2(s.server, [&](h2_client& c) -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        int whole = 0;
        for (int i = 0; i < 9; ++i) {
          g.spawn([&]() -> task<> {
            const h2_answer a = co_await c.ask(h2_request("POST", "/stream"), piece + piece);
            if (a.whole && a.body == piece + piece) ++whole;
          });
        }
        cancel_scope scope;
        cancel.begin(scope);
        (void)co_await scope.run([&]() -> task<> {
          const h2_answer a = co_await c.ask(h2_request("POST", "/stream"), piece);
          EXPECT_EQ(a.body.size(), piece.size());
        }());
        cancel.end();
        while (g.size() > 0) co_await sleep_for(1ms);
        EXPECT_EQ(whole, 9);
        co_await c.until_free();
        EXPECT_EQ((co_await c.get("/hello/x")).status, 200);
        EXPECT_EQ(c.session().buffered(), 0U);
      });
    });
  };
  std::size_t cancelled = 0;
  for (const cancel_moment moment :
       {cancel_moment::at_rest, cancel_moment::posted, cancel_moment::at_wake}) {
    // Each in the simulation; where the kernel has its say, one in nine.
    for (std::size_t k = 0;; k += reactor == reactor_kind::simulated ? 1 : 9) {
      const auto once = [&](canceller& c) {
        run(rondo::test::detail::watched(c, scenario(c)), options_for(reactor));
      };
      if (!rondo::test::detail::cancel_once(moment, k, once) || testing::Test::HasFailure()) break;
      ++cancelled;
    }
  }
  EXPECT_GT(cancelled, 20U);
}

}  // namespace http2_server_cases
