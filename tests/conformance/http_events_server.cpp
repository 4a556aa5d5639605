// Server-sent events as a server sends them.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/server/event_stream.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::event_sink;
using http::server_options;
using http::server_request;
using http::server_response;

namespace http_events_server_cases {
namespace {

// Asks without closing its half, as browsers do; reads until the server closes.
task<std::string> ask(endpoint to, std::string request) {
  tcp_stream s = co_await tcp_stream::connect(to);
  if (speaks_http2())
    co_return co_await ask_over_http2(rondo::net::any_stream(std::move(s)), std::move(request));
  co_await write_text(s, request);
  co_return co_await read_text(s);
}
std::string asking_for(std::string_view path, std::string_view method = "GET",
                       std::string_view version = "HTTP/1.1", std::string_view fields = {}) {
  return std::string(method) + " " + std::string(path) + " " + std::string(version) +
         "\r\nHost: a\r\nConnection: close\r\n" + std::string(fields) + "\r\n";
}

// Reads until `what` has come.
task<> read_until(net::buffered_reader<tcp_stream>& in, std::string_view what) {
  (void)co_await in.read_until(what, 1'000'000);
}

// Sets an event when the frame that holds it goes.
struct at_end {
  event& gone;
  ~at_end() { gone.set(); }
};

task<> three(server_request&, event_sink& out) {
  co_await out.send(http::event().id("1").data("one"));
  co_await out.send(http::event().id("2").type("t").data("two\nlines"));
  co_await out.send(http::event().id("3").data("three"));
}

}  // namespace

CONFORMANCE(ServerEvents, GoOutAsTheyAreSent) {
  http::server server;
  server.events("/", three);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await ask(here, asking_for("/"));
    EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
    for (const char* field :
         {"\r\nContent-Type: text/event-stream\r\n", "\r\nCache-Control: no-store\r\n",
          "\r\nX-Accel-Buffering: no\r\n", "\r\nTransfer-Encoding: chunked\r\n"})
      EXPECT_NE(got.find(field), std::string::npos) << field;
    EXPECT_EQ(got.find("Content-Length"), std::string::npos);
    // One chunk an event, and the last.
    EXPECT_EQ(got.substr(got.find("\r\n\r\n") + 4),
              "11\r\nid: 1\ndata: one\n\n\r\n"
              "26\r\nid: 2\nevent: t\ndata: two\ndata: lines\n\n\r\n"
              "13\r\nid: 3\ndata: three\n\n\r\n"
              "0\r\n\r\n");
  });
}

CONFORMANCE(ServerEvents, TheHeadGoesOutBeforeTheFirstEvent) {
  http::server server;
  event may_send;
  server.events("/", [&](server_request&, event_sink& out) -> task<> {
    co_await may_send.wait();
    co_await out.send(http::event().data("x"));
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, asking_for("/"));
    net::buffered_reader in(s);
    co_await read_until(in, "\r\n\r\n");
    may_send.set();
    co_await read_until(in, "data: x\n\n");
  });
}

EVERY_VERSION(ServerEvents, AnswerHeadWithTheHeadAlone) {
  http::server server;
  int begun = 0;
  server.events("/", [&](server_request&, event_sink&) -> task<> {
    ++begun;
    co_return;
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await ask(here, asking_for("/", "HEAD"));
    EXPECT_NE(got.find("\r\nContent-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
    EXPECT_EQ(begun, 0);
  });
}

CONFORMANCE(ServerEvents, EndAHttp10ClientsStreamByClosing) {
  http::server server;
  server.events("/", three);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await ask(here, asking_for("/", "GET", "HTTP/1.0"));
    EXPECT_EQ(got.find("chunked"), std::string::npos);
    EXPECT_TRUE(got.ends_with(
        "\r\n\r\nid: 1\ndata: one\n\nid: 2\nevent: t\ndata: two\ndata: lines\n\nid: 3\ndata: "
        "three\n\n"))
        << got;
  });
}

CONFORMANCE(ServerEvents, AConnectionGoesOnAfterAStream) {
  http::server server;
  server.events("/", three);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got =
        co_await ask(here, "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + asking_for("/"));
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK\r\n"), 2U);
    EXPECT_EQ(count_of(got, "data: three\n\n\r\n0\r\n\r\n"), 2U);
  });
}

EVERY_VERSION(ServerEvents, TheLastIdIsTheClients) {
  http::server server;
  server.events("/", [](server_request& r, event_sink& out) -> task<> {
    co_await out.send(http::event().data("after <" + std::string(r.last_event_id()) + ">"));
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    EXPECT_NE((co_await ask(here, asking_for("/"))).find("data: after <>\n"), std::string::npos);
    const std::string got =
        co_await ask(here, asking_for("/", "GET", "HTTP/1.1", "Last-Event-ID: 41\r\n"));
    EXPECT_NE(got.find("data: after <41>\n"), std::string::npos);
  });
}

// A route decides for itself whether there is a stream; 204 tells a browser not to come again.
EVERY_VERSION(ServerEvents, ARouteMayAnswerWithAStreamOrWithout) {
  http::server server;
  server.route("POST", "/", [](server_request& r) -> task<server_response> {
    const std::string question = co_await r.text();
    if (question.empty()) co_return server_response(204);
    co_return server_response::events([question](event_sink& out) -> task<> {
      co_await out.send(http::event().data(question));
    }).header("X-Of", "mine");
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string fields = "Content-Length: ";
    const std::string none =
        co_await ask(here, asking_for("/", "POST", "HTTP/1.1", fields + "0\r\n"));
    EXPECT_EQ(first_line(none), "HTTP/1.1 204 No Content");
    const std::string some =
        co_await ask(here, asking_for("/", "POST", "HTTP/1.1", fields + "2\r\n") + "hi");
    EXPECT_NE(some.find("\r\nX-Of: mine\r\n"), std::string::npos);
    EXPECT_NE(some.find("data: hi\n\n"), std::string::npos);
  });
}

EVERY_VERSION(ServerEvents, AGroupsMiddlewareSeesAPieceAnEvent) {
  http::server server;
  int pieces = 0;
  http::route_group api = server.group("/api");
  api.use([&](server_request& r, http::next& rest) -> task<server_response> {
    server_response answer = co_await rest(r);
    EXPECT_TRUE(answer.flushes_pieces());
    answer.wrap_body([&](std::unique_ptr<http::body_source> inner) {
      return http::make_body(
          [&, inner = std::move(inner)]() mutable -> task<std::optional<std::string>> {
            auto piece = co_await inner->next();
            if (piece) ++pieces;
            co_return piece;
          });
    });
    co_return answer;
  });
  api.events("/three", three);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    EXPECT_EQ(count_of(co_await ask(here, asking_for("/api/three")), "\nid: "), 3U);
    EXPECT_EQ(pieces, 3);
  });
}

CONFORMANCE(ServerEvents, ACommentGoesOutWhenNothingElseDoes) {
  http::server server;
  server.events("/", [](server_request&, event_sink&) -> task<> { co_await sleep_for(1h); }, 2ms);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, asking_for("/"));
    net::buffered_reader in(s);
    co_await read_until(in, "\r\n\r\n");
    for (int i = 0; i < 3; ++i) co_await read_until(in, "3\r\n:\n\n\r\n");
  });
}

TEST(ServerEventsClock, ACommentComesAfterFifteenSecondsOfSilenceAndNotBefore) {
  simulate([]() -> task<> {
    http::server server;
    server.events("/", [](server_request&, event_sink& out) -> task<> {
      for (const auto pause : {10s, 14s, 40s}) {
        co_await sleep_for(pause);
        co_await out.send(http::event().data("x"));
      }
    });
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      const auto begin = this_loop().now();
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await write_text(s, asking_for("/"));
      net::buffered_reader in(s);
      co_await read_until(in, "\r\n\r\n");
      std::string log;
      for (;;) {
        const std::string size = std::string(co_await in.read_until("\r\n", 10));
        if (size.starts_with("0")) break;
        const std::string piece = std::string(co_await in.read_until("\n\n", 100));
        co_await read_until(in, "\r\n");
        log += (piece.starts_with(":") ? "comment " : "event ") +
               std::to_string((this_loop().now() - begin) / 1s) + ", ";
      }
      EXPECT_EQ(log, "event 10, event 24, comment 39, comment 54, event 64, ");
    });
  });
}

// --- ends ----------------------------------------------------------------------------------------

CONFORMANCE(ServerEvents, AClientThatGoesEndsItsHandler) {
  http::server server;
  event began;
  event gone;
  server.events(
      "/",
      [&](server_request&, event_sink&) -> task<> {
        const at_end end{gone};
        began.set();
        try {
          co_await sleep_for(1h);
        } catch (...) {  // nothing to catch: a cancellation is no exception
          ADD_FAILURE();
        }
      },
      1ms);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    {
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await write_text(s, asking_for("/"));
      co_await began.wait();
    }
    co_await gone.wait();
  });
}

// The handler waits in send() while its client does not read, and what is on the way is bounded.
CONFORMANCE(ServerEvents, AClientThatDoesNotReadHoldsItsHandlerAndIsCut) {
  http::server server(server_options().write_timeout(100ms));
  event gone;
  int sent = 0;
  server.events("/", [&](server_request&, event_sink& out) -> task<> {
    const at_end end{gone};
    const std::string much(64 * 1024, 'x');
    for (;; ++sent) co_await out.send(http::event().data(much));
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, asking_for("/"));
    co_await gone.wait();
    EXPECT_LT(sent, 1000);  // what sockets hold, and two
  });
}

CONFORMANCE_RUNS(ServerEvents, AHandlerThatFailsCutsTheStreamAndIsReported) {
  std::vector<std::string> reported;
  std::string got;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& error) {
      reported.emplace_back(error.what());
    }
  }),
         [&]() -> task<> {
           http::server server;
           server.events("/", [](server_request&, event_sink& out) -> task<> {
             co_await out.send(http::event().data("x"));
             throw std::runtime_error("mine");
           });
           co_await with_server(server, [&](std::string, endpoint here) -> task<> {
             tcp_stream s = co_await tcp_stream::connect(here);
             co_await write_text(s, asking_for("/"));
             std::vector<std::byte> room(4096);
             for (;;) {
               const auto n = co_await as_result(s.read_some(room));
               if (!n.has_value() || n.value() == 0) break;
               got.append(reinterpret_cast<const char*>(room.data()), n.value());
             }
           });
         });
  EXPECT_EQ(reported, std::vector<std::string>{"mine"});
  EXPECT_EQ(got.find("\r\n0\r\n"), std::string::npos);  // it did not end well
}

// What a stop does: the handler is cancelled, and the stream ends as it should.
CONFORMANCE(ServerEvents, AStoppedStreamEndsWell) {
  std::shared_ptr<http::detail::event_stream> stream;
  event gone;
  const auto handler = [&](event_sink& out) -> task<> {
    const at_end end{gone};
    co_await out.send(http::event().data("x"));
    co_await sleep_for(1h);
  };
  stream = std::make_shared<http::detail::event_stream>(
      std::make_unique<http::detail::typed_event_handler<decltype(handler)>>(handler), 0s);
  std::string sent;
  co_await stream->run_beside([](http::detail::event_stream& s, std::string& sent,
                                 std::shared_ptr<http::detail::event_stream> owner) -> task<> {
    const auto source = http::detail::event_stream::source_of(std::move(owner));
    while (const auto piece = co_await source->next()) {
      sent += *piece;
      s.stop();
    }
    sent += "end";
  }(*stream, sent, stream));
  EXPECT_TRUE(gone.is_set());
  EXPECT_EQ(sent, "data: x\n\nend");
  stream->stop();
}

CONFORMANCE(ServerEvents, AStopOfTheServerEndsStreamsWellAndAtOnce) {
  http::server server;
  http::stop_handle stop;
  event gone;
  server.events("/", [&](server_request&, event_sink& out) -> task<> {
    const at_end end{gone};
    co_await out.send(http::event().data("x"));
    co_await sleep_for(1h);
  });
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  const auto begin = std::chrono::steady_clock::now();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return server.serve(std::move(listener), stop); });
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    net::buffered_reader in(s);
    co_await read_until(in, "data: x\n\n\r\n");
    stop.stop();
    co_await read_until(in, "0\r\n\r\n");
    EXPECT_TRUE(gone.is_set());
    co_await until_closed(s);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);  // the grace is 30 s
}

CONFORMANCE(ServerEvents, AStreamThatBeginsDuringAStopEndsAtOnce) {
  http::server server;
  http::stop_handle stop;
  int begun = 0;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    stop.stop();
    while (!stop.stopping()) co_await yield_now();
    co_await sleep_for(5ms);
    co_return server_response::events([&](event_sink&) -> task<> {
      ++begun;
      co_await sleep_for(1h);
    });
  });
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return server.serve(std::move(listener), stop); });
    const std::string got = co_await ask(here, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(got.ends_with("\r\n\r\n0\r\n\r\n")) << got;
    EXPECT_EQ(begun, 0);
  });
}

// --- many ----------------------------------------------------------------------------------------

EVERY_VERSION(ServerEvents, OneBroadcastReachesManyClients) {
  constexpr int clients = 10;
  constexpr int events = 20;
  http::server server;
  broadcast<http::event> news;
  server.events("/", [&](server_request&, event_sink& out) -> task<> {
    auto mine = news.subscribe(4, overflow::wait);
    while (const auto e = co_await mine.next()) co_await out.send(*e);
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < clients; ++i)
        g.spawn([&]() -> task<> {
          const std::string got = co_await ask(here, asking_for("/"));
          std::string::size_type at = 0;
          for (int n = 0; n < events && at != std::string::npos; ++n)
            at = got.find("data: " + std::to_string(n) + "\n", at);
          EXPECT_NE(at, std::string::npos);
          EXPECT_EQ(count_of(got, "data: "), static_cast<std::size_t>(events));
        });
      while (news.subscribers() < clients) co_await sleep_for(1ms);
      for (int n = 0; n < events; ++n) co_await news.send(http::event().data(std::to_string(n)));
      news.close();
    });
  });
}

EVERY_VERSION_RUNS(ServerEvents, AreCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    http::server server;
    server.events("/", three, 0s);
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      (void)co_await ask(here, asking_for("/"));
    });
  });
  EXPECT_GE(n.at_rest, 8U);
  EXPECT_GE(n.posted, 8U);
  EXPECT_GE(n.at_wake, 8U);
}

}  // namespace http_events_server_cases
