// Five hundred slow clients beside a good one, in the four ways of slowhttptest and a reader that
// takes a byte a second: each is gone within its limit, and the good one notices nothing. In
// virtual time, so the limits are exact.
#include "http/http_support.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

namespace http_server_slow_cases {

using namespace rondo;
using namespace rondo_test;
using rondo_test::temporary_folder;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace {

constexpr int slow_clients = 500;
constexpr auto way = 1ms;
const std::string good_request = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";

// Writes `first`, then `piece` each `every` until the server has had enough.
task<> trickle(tcp_stream& s, std::string first, std::string piece, std::chrono::seconds every) {
  if ((co_await as_result(write_text(s, first))).has_error()) co_return;
  for (;;) {
    co_await sleep_for(every);
    if ((co_await as_result(write_text(s, piece))).has_error()) co_return;
  }
}

// What the server says before it closes or resets.
task<std::string> until_the_end(tcp_stream& s) {
  std::string got;
  std::array<std::byte, 4096> room{};
  for (;;) {
    const auto n = co_await as_result(s.read_some(room));
    if (!n.has_value() || n.value() == 0) co_return got;
    got.append(reinterpret_cast<const char*>(room.data()), n.value());
  }
}

// slowloris: a field of the head now and then.
task<> slow_head(endpoint here) {
  tcp_stream s = co_await tcp_stream::connect(here);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(trickle(s, "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 5s));
    EXPECT_TRUE((co_await until_the_end(s)).starts_with("HTTP/1.1 408 "));
    g.cancel();
  });
}

// A few bytes of a long body now and then.
task<> slow_body(endpoint here) {
  tcp_stream s = co_await tcp_stream::connect(here);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(
        trickle(s, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 8192\r\n\r\n", "a=b&", 5s));
    EXPECT_TRUE((co_await until_the_end(s)).starts_with("HTTP/1.1 408 "));
    g.cancel();
  });
}

// A byte a second of a large answer.
task<> slow_reader(endpoint here) {
  tcp_stream s = co_await tcp_stream::connect(here);
  co_await write_text(s, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::array<std::byte, 1> one{};
      for (;; co_await sleep_for(1s)) {
        const auto n = co_await as_result(s.read_some(one));
        if (!n.has_value() || n.value() == 0) co_return;
      }
    });
    co_await s.gone();
    g.cancel();
  });
}

// Thirteen hundred overlapping ranges, as the Apache killer has them.
task<> many_ranges(endpoint here, std::string path) {
  std::string field = "Range: bytes=0-";
  for (int i = 5; i < 1305; ++i) field += ",5-" + std::to_string(i);
  tcp_stream s = co_await tcp_stream::connect(here);
  co_await write_text(
      s, "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + field + "\r\n\r\n");
  const std::string got = co_await until_the_end(s);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 20")) << got.substr(0, 60);
  EXPECT_LT(got.size(), 20'000U);  // the whole at most once
}

struct measured {
  std::chrono::nanoseconds longest_of_the_good{};
  std::chrono::nanoseconds until_the_last_was_gone{};
};

// Runs 500 of `slow` beside one that asks every 50 ms, until they are gone.
template <class Slow>
measured beside_slow_clients(Slow slow, const temporary_folder& folder) {
  measured m;
  simulation_options world;
  world.latency(way, way).window(65'536);
  run_as(options_for(reactor_kind::simulated).simulation(world), [&]() -> task<> {
    http::server server(server_options().max_connections(1000).max_body(1 << 20));
    server.files("/files/", folder.path());
    server.route("GET", "/good", [](server_request&) -> task<server_response> {
      co_return server_response::text("good");
    });
    server.route("POST", "/body", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text());
    });
    server.route("GET", "/large", [](server_request&) -> task<server_response> {
      co_return server_response::text(std::string(1 << 20, 'x'));
    });
    co_await with_server(server, [&](std::string origin, endpoint here) -> task<> {
      const auto begun = this_loop().now();
      co_await with_task_group([&](task_group& g) -> task<> {
        auto good = g.spawn([&]() -> task<> {
          http::client c;
          for (;;) {
            const auto asked = this_loop().now();
            EXPECT_EQ(co_await get_text(c, origin + "/good"), "good");
            m.longest_of_the_good = std::max<std::chrono::nanoseconds>(m.longest_of_the_good,
                                                                       this_loop().now() - asked);
            co_await sleep_for(50ms);
          }
        });
        co_await with_task_group([&](task_group& all) -> task<> {
          for (int i = 0; i < slow_clients; ++i) all.spawn([&] { return slow(here); });
          co_return;
        });
        m.until_the_last_was_gone = this_loop().now() - begun;
        good.cancel();
      });
    });
  });
  return m;
}

}  // namespace

TEST(ServerSlowClients, HeadsThatTrickleAreGoneAfterThirtySeconds) {
  const temporary_folder folder;
  const measured m = beside_slow_clients([](endpoint e) { return slow_head(e); }, folder);
  EXPECT_LE(m.longest_of_the_good, 10 * way);
  EXPECT_GE(m.until_the_last_was_gone, 30s);
  EXPECT_LE(m.until_the_last_was_gone, 31s);
}

TEST(ServerSlowClients, BodiesThatTrickleAreGoneAfterThreeReadsBelowTheRate) {
  const temporary_folder folder;
  const measured m = beside_slow_clients([](endpoint e) { return slow_body(e); }, folder);
  EXPECT_LE(m.longest_of_the_good, 10 * way);
  EXPECT_GE(m.until_the_last_was_gone, 5s);
  EXPECT_LE(m.until_the_last_was_gone, 35s);
}

TEST(ServerSlowClients, ReadersOfAByteASecondAreCutAfterAMinute) {
  const temporary_folder folder;
  const measured m = beside_slow_clients([](endpoint e) { return slow_reader(e); }, folder);
  EXPECT_LE(m.longest_of_the_good, 10 * way);
  EXPECT_GE(m.until_the_last_was_gone, 45s);
  EXPECT_LE(m.until_the_last_was_gone, 90s);
}

TEST(ServerSlowClients, RangesWithoutNumberGetTheWholeOnce) {
  const temporary_folder folder;
  folder.write("f", std::string(10'000, 'x'));
  const measured m =
      beside_slow_clients([](endpoint e) { return many_ranges(e, "/files/f"); }, folder);
  EXPECT_LE(m.longest_of_the_good, 10 * way);
  EXPECT_LE(m.until_the_last_was_gone, 10s);
}

}  // namespace http_server_slow_cases
