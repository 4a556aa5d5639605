// Every wait of the server has a clock. By the virtual clock, which says exactly when; what depends
// on a kernel is in http_server_stall.cpp.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

namespace http_server_clocks_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr auto way = 1ms;  // more than a message takes to the other end and back

task<server_response> hello(server_request&) { co_return server_response::text("hello"); }
task<server_response> echo(server_request& r) {
  co_return server_response::text(co_await r.text());
}

void add_routes(http::server& s) {
  s.route("GET", "/", hello);
  s.route("POST", "/", hello);  // leaves the body alone
  s.route("POST", "/echo", echo);
  s.route("POST", "/slow", [](server_request& r) -> task<server_response> {
    std::size_t n = 0;
    for (;;) {
      co_await sleep_for(60s);
      const auto piece = co_await r.next_chunk();
      if (piece.empty()) break;
      n += piece.size();
    }
    co_return server_response::text(std::to_string(n));
  });
}

// Runs body(endpoint) in the simulation, beside a server with these options.
template <class Body>
void beside(const server_options& options, Body body,
            const simulation_options& world = simulation_options()) {
  run_as(options_for(reactor_kind::simulated).simulation(world), [&]() -> task<> {
    http::server server(options);
    add_routes(server);
    co_await with_server(server,
                         [&](std::string, endpoint here) -> task<> { co_await body(here); });
  });
}

auto since(std::chrono::steady_clock::time_point t) { return this_loop().now() - t; }

// One answer, which ends with its body "hello"; what has come when the server closes before.
task<std::string> read_hello(tcp_stream& s) {
  std::string got;
  std::array<std::byte, 1> one{};
  while (!got.ends_with("\r\n\r\nhello")) {
    if (co_await s.read_some(one) == 0) break;
    got += static_cast<char>(one[0]);
  }
  co_return got;
}

// A byte every `pause`, until the server is tired of it.
task<> trickle(tcp_stream& s, std::chrono::milliseconds pause) {
  for (;;) {
    if ((co_await as_result(write_text(s, "x"))).has_error()) co_return;
    co_await sleep_for(pause);
  }
}

// What the server says to a client that begins with these bytes and then trickles, and when.
struct ended {
  std::string answer;
  std::chrono::nanoseconds after{};
};
task<ended> while_trickling(endpoint here, std::string begin, std::chrono::milliseconds pause) {
  tcp_stream s = co_await tcp_stream::connect(here);
  const auto begun = this_loop().now();
  ended e;
  co_await with_task_group([&](task_group& g) -> task<> {
    co_await write_text(s, begin);
    g.spawn([&] { return trickle(s, pause); });
    std::array<std::byte, 1000> some{};
    const std::size_t n = co_await s.read_some(some);
    e = {std::string(reinterpret_cast<const char*>(some.data()), n), since(begun)};
    g.cancel();
  });
  co_return e;
}

void expect_about(std::chrono::nanoseconds took, std::chrono::nanoseconds expected,
                  std::chrono::nanoseconds slack = way) {
  EXPECT_GE(took, expected);
  EXPECT_LE(took, expected + slack);
}

}  // namespace

TEST(ServerClocks, AHeadHasThirtySecondsFromItsFirstByteHoweverItTrickles) {
  beside(server_options(), [](endpoint here) -> task<> {
    const ended e = co_await while_trickling(here, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 1s);
    EXPECT_EQ(first_line(e.answer), "HTTP/1.1 408 Request Timeout");
    expect_about(e.after, 30s);
  });
}

// node#27363: the timer of the first request's head was the only one.
TEST(ServerClocks, TheSecondHeadOnAConnectionHasItsOwnThirtySeconds) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    for (int i = 0; i < 3; ++i) {
      const std::string before = get.substr(0, 10);
      co_await write_text(s, before);
      co_await sleep_for(20s);  // together more than thirty
      co_await write_text(s, get.substr(10));
      EXPECT_EQ(first_line(co_await read_hello(s)), "HTTP/1.1 200 OK");
    }
    const auto begun = this_loop().now();
    co_await write_text(s, "GET /");
    EXPECT_EQ(first_line(co_await read_text(s)), "HTTP/1.1 408 Request Timeout");
    expect_about(since(begun), 30s);
  });
}

TEST(ServerClocks, ABodyThatStopsHasThirtySeconds) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    const std::string half(100'000, 'x');  // which has earned it a long time
    co_await write_text(s,
                        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + half);
    const auto begun = this_loop().now();
    const std::string got = co_await read_text(s);
    EXPECT_EQ(first_line(got), "HTTP/1.1 408 Request Timeout");
    EXPECT_NE(got.find("sent no more of its body"), std::string::npos) << got;
    expect_about(since(begun), 30s, 50ms);
  });
}

TEST(ServerClocks, ABodyThatTricklesIsRefusedAfterFiveSeconds) {
  beside(server_options(), [](endpoint here) -> task<> {
    const ended e = co_await while_trickling(
        here, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", 100ms);
    EXPECT_EQ(first_line(e.answer), "HTTP/1.1 408 Request Timeout");
    EXPECT_NE(e.answer.find("too slowly"), std::string::npos) << e.answer;
    expect_about(e.after, 5s, 150ms);
  });
}

TEST(ServerClocks, ABodyAtTheLeastRateComesThrough) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 40960\r\n\r\n");
    for (int second = 0; second < 40; ++second) {
      co_await write_text(s, std::string(1024, 'x'));
      co_await sleep_for(999ms);
    }
    std::array<std::byte, 12> status{};
    (void)co_await s.read_some(status);
    EXPECT_EQ(std::memcmp(status.data(), "HTTP/1.1 200", 12), 0);
  });
}

// Only the time counts in which a read waits for the client.
TEST(ServerClocks, AHandlerThatTakesItsTimeIsNotHeldAgainstTheClient) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" +
                               std::string(40'000, 'x'));
    std::array<std::byte, 12> status{};
    (void)co_await s.read_some(status);
    EXPECT_EQ(std::memcmp(status.data(), "HTTP/1.1 200", 12), 0);
  });
}

TEST(ServerClocks, AConnectionAtRestIsClosedAfterSeventyFiveSecondsAndToldASecondLess) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, get);
    const std::string got = co_await read_hello(s);
    EXPECT_NE(got.find("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=74\r\n"),
              std::string::npos)
        << got;
    const auto begun = this_loop().now();
    EXPECT_EQ(co_await read_text(s), "");
    expect_about(since(begun), 75s - way, 2 * way);
  });
}

// node#52649, hyper#2136: one that keeps to what it was told never meets the close.
TEST(ServerClocks, ARequestAtTheLastMomentIsAnswered) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    for (int i = 0; i < 5; ++i) {
      co_await write_text(s, get);
      EXPECT_EQ(first_line(co_await read_hello(s)), "HTTP/1.1 200 OK");
      co_await sleep_for(75s - way);
    }
  });
}

TEST(ServerClocks, AClientThatNeverSaysAWordIsClosedAsOneAtRest) {
  beside(server_options().idle_timeout(3s), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    const auto begun = this_loop().now();
    EXPECT_EQ(co_await read_text(s), "");
    expect_about(since(begun), 3s - way, 2 * way);
  });
}

TEST(ServerClocks, TheLastOfItsRequestsClosesAConnection) {
  beside(server_options().max_requests(3), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, get + get + get + get);
    const std::string got = co_await read_text(s);
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 3U) << got;
    EXPECT_EQ(count_of(got, "Connection: keep-alive"), 2U) << got;
    EXPECT_EQ(count_of(got, "Connection: close"), 1U) << got;
  });
}

TEST(ServerClocks, AnOldConnectionIsClosedWithItsNextAnswer) {
  beside(server_options().max_age(10s), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, get);
    EXPECT_NE((co_await read_hello(s)).find("keep-alive"), std::string::npos);
    co_await sleep_for(10s);
    co_await write_text(s, get);
    EXPECT_NE((co_await read_text(s)).find("\r\nConnection: close\r\n"), std::string::npos);
  });
}

TEST(ServerClocks, ABodyThatNobodyReadsIsDrainedForFiveSecondsAtMost) {
  beside(server_options(), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    const auto begun = this_loop().now();
    co_await write_text(
        s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + std::string(6000, 'x'));
    std::string got;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {  // fast enough for the rate
        for (int i = 0; i < 200; ++i) {
          co_await sleep_for(100ms);
          if ((co_await as_result(write_text(s, std::string(200, 'x')))).has_error()) co_return;
        }
      });
      got = co_await read_text(s);  // until it half-closes
      expect_about(since(begun), 5s, 150ms);
      g.cancel();
    });
    EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
  });
}

TEST(ServerClocks, AClosedConnectionIsReadOnForFiveSecondsOfSilence) {
  beside(server_options().max_connections(1), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "nonsense\r\n\r\n");
    EXPECT_EQ(first_line(co_await read_text(s)), "HTTP/1.1 400 Bad Request");
    const auto begun = this_loop().now();
    EXPECT_EQ(first_line(co_await exchange_bytes(here, get)), "HTTP/1.1 200 OK");  // let in
    expect_about(since(begun), 5s - way, 3 * way);
  });
}

TEST(ServerClocks, AndForThirtySecondsInAll) {
  beside(server_options().max_connections(1), [](endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "nonsense\r\n\r\n");
    EXPECT_EQ(first_line(co_await read_text(s)), "HTTP/1.1 400 Bad Request");
    const auto begun = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return trickle(s, 1s); });
      EXPECT_EQ(first_line(co_await exchange_bytes(here, get)), "HTTP/1.1 200 OK");
      expect_about(since(begun), 30s - way, 3 * way);
      g.cancel();
    });
  });
}

// A client that takes 100 bytes a second of an endless response.
TEST(ServerClocks, AClientThatReadsTooSlowlyIsCut) {
  run_as(options_for(reactor_kind::simulated).simulation(simulation_options().window(100)),
         []() -> task<> {
           http::server server;
           server.route("GET", "/", [](server_request&) -> task<server_response> {
             co_return server_response::bytes(std::string(1 << 20, 'x'));
           });
           co_await with_server(server, [](std::string, endpoint here) -> task<> {
             tcp_stream s = co_await tcp_stream::connect(here);
             co_await write_text(s, get);
             const auto begun = this_loop().now();
             std::array<std::byte, 100> some{};
             for (;;) {
               const auto n = co_await as_result(s.read_some(some));
               if (!n.has_value() || n.value() == 0) break;
               co_await sleep_for(1s);
             }
             EXPECT_GE(since(begun), 60s);
             EXPECT_LE(since(begun), 77s);
           });
         });
}

TEST(ServerClocks, AClientThatReadsAtTheLeastRateGetsAllOfIt) {
  run_as(options_for(reactor_kind::simulated).simulation(simulation_options().window(100)),
         []() -> task<> {
           http::server server;
           server.route("GET", "/", [](server_request&) -> task<server_response> {
             co_return server_response::bytes(std::string(60'000, 'x'));
           });
           co_await with_server(server, [](std::string, endpoint here) -> task<> {
             tcp_stream s = co_await tcp_stream::connect(here);
             co_await write_text(s, get);
             std::array<std::byte, 100> some{};
             std::size_t total = 0;
             while (total < 60'000) {
               const std::size_t n = co_await s.read_some(some);
               EXPECT_NE(n, 0U);
               if (n == 0) break;
               total += n;
               co_await sleep_for(200ms);
             }
           });
         });
}

// golang/go#16100: one limit for the whole response kills event streams.
TEST(ServerClocks, AnEventStreamLivesAsLongAsItsClientReads) {
  simulate([]() -> task<> {
    http::server server;
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::stream(
          http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
            if (n++ == 120) co_return std::nullopt;
            co_await sleep_for(30s);  // an hour in all
            co_return "event;";
          }));
    });
    co_await with_server(server, [](std::string origin, endpoint) -> task<> {
      http::client c(http::client_options().total_timeout(2h));
      const std::string got = co_await get_text(c, origin + "/");
      EXPECT_EQ(count_of(got, "event;"), 120U);
    });
  });
}

TEST(ServerClocks, OneClientCannotHaveAllConnections) {
  beside(server_options().max_connections_per_client(2), [](endpoint here) -> task<> {
    std::vector<tcp_stream> mine;
    for (int i = 0; i < 2; ++i) {
      mine.push_back(co_await tcp_stream::connect(here));
      co_await write_text(mine.back(), get);
      EXPECT_EQ(first_line(co_await read_hello(mine.back())), "HTTP/1.1 200 OK");
    }
    {
      tcp_stream third = co_await tcp_stream::connect(here);
      const auto n = co_await as_result(read_text(third));
      EXPECT_TRUE(!n.has_value() || n.value().empty());
    }
    mine.pop_back();
    co_await sleep_for(way);
    EXPECT_EQ(first_line(co_await exchange_bytes(here, get)), "HTTP/1.1 200 OK");
  });
}

// On all three: an interrupted read loses nothing of what comes at that moment.
CONFORMANCE(ServerClocks, ARequestThatMeetsTheEndOfRestIsAnsweredOrNeverRead) {
  http::server server(server_options().idle_timeout(3ms));
  add_routes(server);
  int answered = 0;
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    for (int i = 0; i < 20; ++i) {
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await sleep_for(2ms + 100us * i);
      if ((co_await as_result(write_text(s, get))).has_error()) continue;
      const auto got = co_await as_result(read_text(s));
      if (!got.has_value() || got.value().empty()) continue;
      ++answered;
      EXPECT_EQ(first_line(got.value()), "HTTP/1.1 200 OK");
      EXPECT_TRUE(got.value().ends_with("hello")) << got.value();
    }
  });
  // A machine may be too slow for each of them.
  if (reactor == reactor_kind::simulated) EXPECT_GT(answered, 0);
}

CONFORMANCE_RUNS(ServerClocks, EveryWaitCanBeCancelledAnywhere) {
  const waits_cancelled n = cancel_at_every_wait(reactor, []() -> task<> {
    http::server server(
        server_options().idle_timeout(2ms).header_timeout(2ms).body_timeout(2ms).linger(2ms, 4ms));
    add_routes(server);
    co_await with_server(server, [](std::string, endpoint here) -> task<> {
      for (const char* begin : {"", "GET /",
                                "POST /echo HTTP/1.1\r\nHost: a\r\n"
                                "Content-Length: 4\r\n\r\nha"}) {
        tcp_stream s = co_await tcp_stream::connect(here);
        co_await write_text(s, begin);
        (void)co_await as_result(read_text(s));
      }
    });
  });
  EXPECT_GE(n.at_rest, 10U);
}

}  // namespace http_server_clocks_cases
