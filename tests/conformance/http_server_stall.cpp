// Clients that ask and do not read: a write that does not progress ends, and its connection is
// reset.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace http_server_stall_cases {
namespace {

constexpr auto limit = 100ms;
const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string get_much = "GET /much HTTP/1.1\r\nHost: a\r\n\r\n";

struct counted_server {
  http::server server;
  std::string much = std::string(16 << 20, 'x');
  int sources = 0;  // alive: of responses that are under way
  int pieces = 0;

  explicit counted_server(server_options options) : server(options) {
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::text("hello");
    });
    server.route("GET", "/much", [this](server_request&) -> task<server_response> {
      co_return server_response::bytes(much);
    });
    server.route("GET", "/stream", [this](server_request&) -> task<server_response> {
      co_return server_response::stream(endless());
    });
  }

 private:
  struct alive {
    explicit alive(counted_server& s) : server(&s) { ++server->sources; }
    alive(alive&& other) noexcept : server(std::exchange(other.server, nullptr)) {}
    alive& operator=(alive&&) = delete;
    ~alive() {
      if (server) --server->sources;
    }
    counted_server* server;
  };
  std::unique_ptr<http::body_source> endless() {
    return http::make_body([this, here = alive(*this)]() -> task<std::optional<std::string>> {
      ++pieces;
      co_return std::string(64 * 1024, 'x');
    });
  }
};

// Reads until the other side closes, or resets, after which nothing comes.
task<std::size_t> read_all(tcp_stream& s) {
  std::vector<std::byte> room(256 * 1024);
  std::size_t total = 0;
  for (;;) {
    const auto n = co_await as_result(s.read_some(room));
    if (!n.has_value() || n.value() == 0) co_return total;
    total += n.value();
  }
}

// Until the server has no connection with us: it lets one in, and we hold this one.
task<> until_let_in(endpoint here) {
  EXPECT_EQ(first_line(co_await exchange_bytes(here, get)), "HTTP/1.1 200 OK");
}

}  // namespace

CONFORMANCE(ServerStall, AClientThatNeverReadsHoldsItsPlaceNoLongerThanTheLimit) {
  counted_server s(server_options().write_timeout(limit).max_connections(1));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream silent = co_await tcp_stream::connect(here);
    co_await write_text(silent, get_much);
    co_await until_let_in(here);
    EXPECT_LT(co_await read_all(silent), s.much.size());
  });
}

CONFORMANCE(ServerStall, AStreamedResponseEndsAndItsSourceGoes) {
  counted_server s(server_options().write_timeout(limit).max_connections(1));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream silent = co_await tcp_stream::connect(here);
    co_await write_text(silent, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await until_let_in(here);
    EXPECT_EQ(s.sources, 0);
    EXPECT_GT(s.pieces, 0);
  });
}

// Each answer is small; together they do not fit.
CONFORMANCE(ServerStall, ManySmallAnswersThatNobodyReadsEnd) {
  counted_server s(
      server_options().write_timeout(limit).max_connections(1).max_requests(UINT32_MAX));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream silent = co_await tcp_stream::connect(here);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        std::string many;
        for (int i = 0; i < 1000; ++i) many += get;
        for (;;)
          if ((co_await as_result(write_text(silent, many))).has_error()) co_return;
      });
      co_await until_let_in(here);
    });
  });
}

CONFORMANCE(ServerStall, ManyClientsThatNeverReadMakeRoomForOneThatDoes) {
  counted_server s(server_options().write_timeout(limit).max_connections(20));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    std::vector<tcp_stream> silent;
    for (int i = 0; i < 20; ++i) {
      silent.push_back(co_await tcp_stream::connect(here));
      co_await write_text(silent.back(), get_much);
    }
    co_await until_let_in(here);
  });
}

// Slower than the limit as a whole, but never silent for so long.
CONFORMANCE(ServerStall, AClientThatReadsSlowlyGetsAllOfIt) {
  counted_server s(server_options().write_timeout(limit));
  s.much.resize(8 << 20);
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream slow = co_await tcp_stream::connect(here);
    co_await write_text(slow, get_much);
    const auto begun = this_loop().now();
    std::vector<std::byte> room(256 * 1024);
    std::size_t total = 0;
    while (total < s.much.size()) {
      const std::size_t n = co_await slow.read_some(room);
      EXPECT_NE(n, 0U);
      if (n == 0) break;
      total += n;
      if (this_loop().now() - begun < 3 * limit) co_await sleep_for(limit / 10);
    }
    EXPECT_GE(total, s.much.size());
    EXPECT_GE(this_loop().now() - begun, limit);
  });
}

CONFORMANCE(ServerStall, AConnectionAtRestIsNotCut) {
  counted_server s(server_options().write_timeout(1ms));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream kept = co_await tcp_stream::connect(here);
    for (int i = 0; i < 3; ++i) {
      co_await write_text(kept, get);
      std::string got;
      while (!got.ends_with("hello")) got += co_await read_text(kept, 1);
      co_await sleep_for(10ms);
    }
  });
}

CONFORMANCE_RUNS(ServerStall, AWriteThatWaitsCanBeCancelledAnywhere) {
  std::optional<counted_server> s;
  const waits_cancelled n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        s.emplace(server_options().write_timeout(4ms));
        co_await with_server(s->server, [&](std::string, endpoint here) -> task<> {
          tcp_stream silent = co_await tcp_stream::connect(here);
          co_await write_text(silent, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
          co_await sleep_for(10ms);
          co_await read_all(silent);
        });
      },
      [&] { EXPECT_EQ(s->sources, 0); });
  EXPECT_GE(n.at_rest, 5U);
}

// By the virtual clock, which says exactly when.
TEST(ServerStallSimulated, TheLimitIsKeptToTheNanosecond) {
  run_on(reactor_kind::simulated, []() -> task<> {
    for (const auto each : {std::chrono::nanoseconds(60s), std::chrono::nanoseconds(100ms)}) {
      counted_server s(each == 60s ? server_options() : server_options().write_timeout(each));
      co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
        tcp_stream silent = co_await tcp_stream::connect(here);
        co_await write_text(silent, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        while (s.sources == 0) co_await sleep_for(1ms);
        const auto begun = this_loop().now();
        while (s.sources != 0) co_await sleep_for(each / 100);
        const auto took = this_loop().now() - begun;
        EXPECT_GE(took, each - 10ms);
        EXPECT_LE(took, each + each / 4 + each / 50);
      });
    }
  });
}

}  // namespace http_server_stall_cases
