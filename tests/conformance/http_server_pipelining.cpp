// Requests that come before their turn: answered in order, with as few writes as may be, and never
// held from a client that waits.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <random>

namespace http_server_pipelining_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace {

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

struct pipelined {
  http::server server;
  event go_on;
  std::vector<std::string> begun;  // the paths of handlers that have

  explicit pipelined(const server_options& options = {}) : server(options) {
    server.route("GET", "/now/{n}", [this](server_request& r) -> task<server_response> {
      begun.emplace_back(r.path());
      co_return server_response::text(std::string(r.param("n")) + ";");
    });
    server.route("GET", "/waits", [this](server_request& r) -> task<server_response> {
      begun.emplace_back(r.path());
      co_await go_on.wait();
      co_return server_response::text("waited;");
    });
    server.route("GET", "/large", [](server_request&) -> task<server_response> {
      co_return server_response::text(std::string(40'000, 'x') + ";");
    });
    server.route("GET", "/source", [this](server_request&) -> task<server_response> {
      co_return server_response::stream(
          http::make_body([this, n = 0]() mutable -> task<std::optional<std::string>> {
            if (n++ > 0) co_return std::nullopt;
            co_await go_on.wait();
            co_return "piece;";
          }));
    });
    server.route("POST", "/body", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text() + ";");
    });
    server.route("GET", "/fails", [](server_request&) -> task<server_response> {
      co_return server_response::stream(http::make_body([]() -> task<std::optional<std::string>> {
        throw std::runtime_error("no source");
        co_return std::nullopt;
      }));
    });
  }
};

// Until this has come.
task<std::string> read_until(tcp_stream& s, std::string_view end) {
  std::string got;
  std::array<std::byte, 1> one{};
  while (!got.ends_with(end)) {
    if (co_await s.read_some(one) == 0) break;
    got += static_cast<char>(one[0]);
  }
  co_return got;
}

}  // namespace

CONFORMANCE(ServerPipelining, SixteenReadyAnswersLeaveInOneWrite) {
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes += get("/now/" + std::to_string(i));
  pipelined s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    for (int round = 0; round < 3; ++round) {
      co_await write_text(client, bytes);
      std::vector<std::byte> room(16 * 1024);
      const std::size_t n = co_await client.read_some(room);
      const std::string_view got(reinterpret_cast<const char*>(room.data()), n);
      EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 16U) << got;
      for (int i = 0; i < 16; ++i) EXPECT_EQ(count_of(got, "\r\n" + std::to_string(i) + ";"), 1U);
    }
  });
}

CONFORMANCE(ServerPipelining, WhatIsReadyGoesOutWhenTheNextHandlerComesToRest) {
  pipelined s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(client, get("/now/1") + get("/now/2") + get("/waits") + get("/now/3"));
    const std::string got = co_await read_until(client, "2;");
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U) << got;
    // Nothing is begun before its turn.
    EXPECT_EQ(s.begun, (std::vector<std::string>{"/now/1", "/now/2", "/waits"}));
    s.go_on.set();
    EXPECT_TRUE((co_await read_until(client, "3;")).ends_with("\r\n\r\n3;"));
  });
}

CONFORMANCE(ServerPipelining, AndWhenASourceDoes) {
  pipelined s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(client, get("/now/1") + get("/source") + get("/now/3"));
    std::string got = co_await read_until(client,
                                          "chunked\r\nConnection: keep-alive\r\n"
                                          "Keep-Alive: timeout=74\r\n\r\n");
    EXPECT_NE(got.find("\r\n\r\n1;"), std::string::npos) << got;
    s.go_on.set();
    got = co_await read_until(client, "3;");
    EXPECT_TRUE(got.starts_with("6\r\npiece;\r\n0\r\n\r\nHTTP/1.1 200 OK")) << got;
  });
}

// Whoever waits for the answer before it sends its body gets it.
CONFORMANCE(ServerPipelining, WhatIsReadyGoesOutBeforeABodyIsWaitedFor) {
  pipelined s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(
        client, get("/now/1") + "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    EXPECT_TRUE((co_await read_until(client, "1;")).ends_with("\r\n\r\n1;"));
    co_await write_text(client, "body");
    EXPECT_TRUE((co_await read_until(client, "body;")).ends_with("\r\n\r\nbody;"));
  });
}

CONFORMANCE(ServerPipelining, AndBeforeTheRestOfAHead) {
  pipelined s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(client, get("/now/1") + "GET /now");
    EXPECT_TRUE((co_await read_until(client, "1;")).ends_with("\r\n\r\n1;"));
    co_await write_text(client, "/2 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE((co_await read_until(client, "2;")).ends_with("\r\n\r\n2;"));
  });
}

CONFORMANCE_RUNS(ServerPipelining, WhatWasAnsweredIsNotLostWithASourceThatFails) {
  int failures = 0;
  std::string got;
  const auto options =
      run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr&) { ++failures; });
  run_as(options, [&]() -> task<> {
    pipelined s;
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get("/now/1") + get("/fails"));
      got = co_await read_until(client, "never");
    });
  });
  EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
  EXPECT_NE(got.find("\r\n\r\n1;"), std::string::npos) << got;
  EXPECT_EQ(failures, 1);
}

// tempesta#995: answers that nobody reads piled up.
TEST(ServerPipelining, AnswersDoNotPileUpBeforeAClientThatDoesNotRead) {
  run_as(options_for(reactor_kind::simulated).simulation(simulation_options().window(1000)),
         []() -> task<> {
           pipelined s;
           co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
             tcp_stream client = co_await tcp_stream::connect(here);
             std::string bytes;
             for (int i = 0; i < 20; ++i) bytes += get("/now/" + std::to_string(i));
             for (int i = 0; i < 4; ++i) bytes += get("/large");
             bytes += get("/now/99");
             std::size_t written = 0;
             (void)co_await try_for(10s, [&]() -> task<> {
               while (written < bytes.size())
                 written +=
                     co_await client.write_some(bytes_of(std::string_view(bytes).substr(written)));
             });
             EXPECT_EQ(std::ranges::count(s.begun, "/now/99"), 0);
             const std::string got = co_await read_until(client, "99;");
             EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 25U);
           });
         });
}

TEST(ServerPipelining, TheLastAnswerBeforeACloseTakesTheOthersAlong) {
  simulate([]() -> task<> {
    pipelined s;
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      const std::string got =
          co_await exchange_bytes(here, get("/now/1") + get("/now/2") + "nonsense\r\n\r\n");
      EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U) << got;
      EXPECT_EQ(count_of(got, "HTTP/1.1 400 Bad Request"), 1U) << got;
      EXPECT_LT(got.find("2;"), got.find("HTTP/1.1 400")) << got;
    });
  });
}

CONFORMANCE_RUNS(ServerPipelining, CanBeCancelledAnywhere) {
  const waits_cancelled n = cancel_at_every_wait(reactor, []() -> task<> {
    pipelined s;
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get("/now/1") + get("/waits") + get("/source") + get("/now/3"));
      EXPECT_TRUE((co_await read_until(client, "1;")).ends_with("1;"));
      s.go_on.set();
      EXPECT_TRUE((co_await read_until(client, "3;")).ends_with("3;"));
    });
  });
  EXPECT_GE(n.at_rest, 8U);
}

// Slow, vanishing and pipelining clients in many worlds: every answer belongs to its request.
namespace {

task<> pipelining_client(endpoint here, std::uint64_t seed, int& answered) {
  std::mt19937_64 random(seed);
  const auto any = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  auto connected = co_await as_result(tcp_stream::connect(here));
  if (!connected.has_value()) co_return;
  tcp_stream s = std::move(connected).value();
  std::vector<std::string> expected;
  std::string bytes;
  const int requests = 1 + any(12);
  for (int i = 0; i < requests; ++i) {
    const std::string nonce = "n" + std::to_string(seed) + "." + std::to_string(i);
    const std::string fields = " HTTP/1.1\r\nHost: a\r\n";
    switch (any(4)) {
      case 0: bytes += "GET /echo/" + nonce + fields + "\r\n"; break;
      case 1: bytes += "GET /slow/" + nonce + fields + "\r\n"; break;
      case 2: bytes += "GET /stream/" + nonce + fields + "\r\n"; break;
      default:
        bytes += "POST /body" + fields + "Content-Length: " + std::to_string(nonce.size()) +
                 "\r\n\r\n" + nonce;
        break;
    }
    expected.push_back(nonce);
  }
  const bool vanishes = any(4) == 0;
  const std::size_t sent = vanishes ? random() % bytes.size() : bytes.size();
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t at = 0; at < sent;) {
        const std::size_t n = std::min<std::size_t>(1 + random() % 200, sent - at);
        if ((co_await as_result(write_text(s, std::string_view(bytes).substr(at, n)))).has_error())
          co_return;
        at += n;
        if (any(3) == 0) co_await sleep_for(std::chrono::milliseconds(any(20)));
      }
      if (vanishes) s.close();
    });
    std::array<std::byte, 64> room{};
    for (;;) {
      const auto n = co_await as_result(s.read_some(room));
      if (!n.has_value() || n.value() == 0) break;
      got.append(reinterpret_cast<const char*>(room.data()), n.value());
      if (count_of(got, "</" + expected.back() + ">") == 1) break;
      if (any(5) == 0) co_await sleep_for(std::chrono::milliseconds(any(10)));
    }
    g.cancel();
  });
  // In order, each once, none of another's; the last may be broken off.
  std::size_t n = 0;
  for (std::size_t at = 0; (at = got.find("</n", at)) != std::string::npos; ++n) {
    const std::size_t end = got.find('>', at);
    if (end == std::string::npos) break;
    EXPECT_LT(n, expected.size());
    if (n == expected.size()) break;
    EXPECT_EQ(got.substr(at + 2, end - at - 2), expected[n]);
    at = end;
  }
  answered += static_cast<int>(n);
}

void add_nonce_routes(http::server& s) {
  const auto tagged = [](std::string_view nonce) { return "</" + std::string(nonce) + ">"; };
  s.route("GET", "/echo/{n}", [tagged](server_request& r) -> task<server_response> {
    co_return server_response::text(tagged(r.param("n")));
  });
  s.route("GET", "/slow/{n}", [tagged](server_request& r) -> task<server_response> {
    co_await sleep_for(7ms);
    co_return server_response::text(tagged(r.param("n")));
  });
  s.route("GET", "/stream/{n}", [tagged](server_request& r) -> task<server_response> {
    co_return server_response::stream(http::make_body(
        [text = tagged(r.param("n")), n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 1) co_return std::nullopt;
          co_await sleep_for(3ms);
          co_return text;
        }));
  });
  s.route("POST", "/body", [tagged](server_request& r) -> task<server_response> {
    co_return server_response::text(tagged(co_await r.text()));
  });
}

}  // namespace

TEST(ServerPipelining, EveryAnswerBelongsToItsRequestInManyWorlds) {
  const std::uint64_t seeds = long_run() ? 20'000 : 100;
  int answered = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    simulation_options world;
    world.seed(seed).latency(100us, 20ms).short_transfers(0.3).resets(0.01).window(500);
    run_as(options_for(reactor_kind::simulated).simulation(world), [&]() -> task<> {
      http::server server(server_options().max_connections(6).max_requests(9));
      add_nonce_routes(server);
      co_await with_server(server, [&](std::string, endpoint here) -> task<> {
        co_await with_task_group([&](task_group& g) -> task<> {
          for (std::uint64_t i = 0; i < 8; ++i)
            g.spawn([&, i] { return pipelining_client(here, seed * 100 + i, answered); });
          co_return;
        });
      });
    });
    if (HasFailure()) return;  // one seed is enough to look at
  }
  EXPECT_GT(answered, static_cast<int>(seeds));
}

}  // namespace http_server_pipelining_cases
