// A connection that leaves HTTP: who gets it, with what, and who does not.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <fstream>
#include <sstream>

namespace http_server_upgrade_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;
using http::upgraded_stream;

namespace {

const std::string ask =
    "GET /shout HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n";

// Sends back what comes, in capitals.
task<> shout(upgraded_stream s) {
  std::array<std::byte, 7> room{};
  for (;;) {
    const std::size_t n = co_await s.read_some(room);
    if (n == 0) break;
    for (std::byte& b : std::span(room).first(n))
      b = static_cast<std::byte>(std::toupper(std::to_integer<int>(b)));
    co_await s.write_all(std::span<const std::byte>(room).first(n));
  }
  co_await s.shutdown_write();
}

void add_routes(http::server& s) {
  const auto answer = [](server_request&) -> task<server_response> {
    co_return server_response::upgrade("shout", shout);
  };
  s.route("GET", "/shout", answer);
  s.route("POST", "/shout", answer);
  s.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello");
  });
  s.route("POST", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello");
  });
}

task<std::string> exchanged(std::string bytes) {
  http::server server;
  add_routes(server);
  std::string got;
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    got = co_await exchange_bytes(here, bytes);
  });
  co_return got;
}

}  // namespace

CONFORMANCE(ServerUpgrade, HandsTheStreamOverWithWhatCameBehindTheHead) {
  const std::string got = co_await exchanged(ask + "first words, and more");
  EXPECT_EQ(first_line(got), "HTTP/1.1 101 Switching Protocols");
  EXPECT_NE(got.find("\r\nUpgrade: shout\r\n"), std::string::npos) << got;
  EXPECT_EQ(count_of(got, "\r\nConnection: upgrade\r\n"), 1U) << got;
  EXPECT_EQ(got.find("Content-Length"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nFIRST WORDS, AND MORE")) << got;
}

CONFORMANCE(ServerUpgrade, AnswersTheRequestsBeforeItFirst) {
  const std::string got = co_await exchanged("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + ask + "word");
  EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
  EXPECT_LT(got.find("hello"), got.find("HTTP/1.1 101")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nWORD")) << got;
}

CONFORMANCE(ServerUpgrade, WhoeverDoesNotAskForItIsToldSo) {
  const std::string others[] = {
      "GET /shout HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /shout HTTP/1.1\r\nHost: a\r\nUpgrade: shout\r\n\r\n",
      "GET /shout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: whisper\r\n\r\n",
      "GET /shout HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n",
      "POST /shout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n"
      "Content-Length: 0\r\n\r\n",
      "GET /shout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n"
      "Content-Length: 4\r\n\r\nbody",
      "GET /shout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  };
  for (const std::string& bytes : others) {
    const std::string got = co_await exchanged(bytes);
    EXPECT_EQ(first_line(got), "HTTP/1.1 426 Upgrade Required") << bytes;
    EXPECT_NE(got.find("\r\nUpgrade: shout\r\n"), std::string::npos) << got;
    EXPECT_NE(got.find("\r\nConnection: upgrade\r\n"), std::string::npos) << got;
  }
}

// uvicorn#3064: the body behind a refused Upgrade was buffered without end.
TEST(ServerUpgrade, ABodyBehindARefusedOneIsReadToItsLimitAndNoFurther) {
  simulate([]() -> task<> {
    http::server server;
    add_routes(server);
    co_await with_server(server, [](std::string, endpoint here) -> task<> {
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await write_text(s,
                          "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n"
                          "Content-Length: 100000000\r\n\r\n");
      std::size_t sent = 0;
      std::string got;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          const std::string piece(10'000, 'x');
          while (!(co_await as_result(write_text(s, piece))).has_error()) sent += piece.size();
        });
        got = co_await read_text(s);
        EXPECT_LT(sent, 300'000U);  // 64 KiB, and what the stream holds
        g.cancel();
      });
      EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
    });
  });
}

CONFORMANCE(ServerUpgrade, AnOrdinaryAnswerGoesOn) {
  const std::string asking =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
  const std::string got = co_await exchanged(asking + asking);
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U) << got;
  EXPECT_EQ(got.find("Upgrade"), std::string::npos) << got;
}

TEST(ServerUpgrade, AStopWaitsForItAndThenCancelsIt) {
  simulate([]() -> task<> {
    http::server server(server_options().grace(7s));
    add_routes(server);
    http::stop_handle stop;
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto serving = g.spawn([&] { return server.serve(std::move(listener), stop); });
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await write_text(s, ask);
      EXPECT_TRUE((co_await read_text(s, 50)).starts_with("HTTP/1.1 101"));
      const auto begun = this_loop().now();
      stop.stop();
      co_await serving;
      EXPECT_GE(this_loop().now() - begun, 7s);
      EXPECT_LE(this_loop().now() - begun, 7s + 2ms);
    });
  });
}

// Names are made when somebody asks, and of a connection that has left HTTP, too.
CONFORMANCE(ServerUpgrade, TheTreeNamesTheTaskAfterItsClientAllAlong) {
  http::server server;
  add_routes(server);
  co_await with_server(server, [](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    const std::string name = "\"connection " + s.local_endpoint().to_string() + "\"";
    co_await write_text(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE((co_await read_text(s, 15)).starts_with("HTTP/1.1 200"));
    EXPECT_EQ(count_of(task_tree(), name), 1U) << task_tree();
    co_await write_text(s, ask + "word");
    std::string got;
    while (!got.ends_with("WORD")) got += co_await read_text(s, 1);
    EXPECT_EQ(count_of(task_tree(), name), 1U) << task_tree();
    EXPECT_EQ(count_of(task_tree(), "\"connection "), 1U) << task_tree();
  });
}

// Where every step is watched, names outlive what they are names of, and are made at once.
TEST(ServerUpgrade, WhoWatchesEveryStepHearsTheName) {
  temporary_folder folder;
  const std::string path = folder / "trace.json";
  std::string name;
  run(
      [&]() -> task<> {
        http::server server;
        add_routes(server);
        co_await with_server(server, [&](std::string, endpoint here) -> task<> {
          tcp_stream s = co_await tcp_stream::connect(here);
          name = "connection " + s.local_endpoint().to_string();
          co_await write_text(s, ask + "word");
          co_await s.shutdown_write();
          EXPECT_TRUE((co_await read_text(s)).ends_with("WORD"));
        });
      }(),
      run_options().reactor(reactor_kind::epoll).trace_file(path));
  std::ostringstream trace;
  trace << std::ifstream(path).rdbuf();
  EXPECT_GE(count_of(trace.str(), name), 2U);  // before it left HTTP, and behind that
}

CONFORMANCE_RUNS(ServerUpgrade, CanBeCancelledAnywhere) {
  const waits_cancelled n = cancel_at_every_wait(reactor, []() -> task<> {
    http::server server;
    add_routes(server);
    co_await with_server(server, [](std::string, endpoint here) -> task<> {
      EXPECT_TRUE((co_await exchange_bytes(here, ask + "word")).ends_with("WORD"));
    });
  });
  EXPECT_GE(n.at_rest, 5U);
}

}  // namespace http_server_upgrade_cases
