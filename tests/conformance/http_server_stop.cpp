// How a server comes to its end: in which order, how long each step takes, and what is lost, which
// is nothing.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace http_server_stop_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;
using http::stop_handle;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string get_slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr auto way = 1ms;

// A server beside a test that stops it.
struct stoppable {
  http::server server;
  stop_handle stop;
  event entered;       // a handler has begun
  event go_on;         // and may end
  int cleaned = 0;     // handlers whose frames have gone
  bool ended = false;  // serve() has
  std::chrono::steady_clock::time_point ended_at;

  explicit stoppable(const server_options& options = {}) : server(options) {
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::text("hello");
    });
    server.route("GET", "/slow", [this](server_request&) -> task<server_response> {
      struct counted {
        int& n;
        ~counted() { ++n; }
      } const mine{cleaned};
      entered.set();
      co_await go_on.wait();
      co_return server_response::text("hello");
    });
  }
};

// Runs body(endpoint) beside it; then the server must have ended by itself.
template <class Body>
task<> beside(stoppable& s, Body body) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await s.server.serve(std::move(listener), s.stop);
      s.ended = true;
      s.ended_at = this_loop().now();
    });
    co_await body(here);
    EXPECT_TRUE(s.stop.stopping());
  });
  EXPECT_TRUE(s.ended);
}

task<std::string> read_hello(tcp_stream& s) {
  std::string got;
  std::array<std::byte, 1> one{};
  while (!got.ends_with("\r\n\r\nhello")) {
    if (co_await s.read_some(one) == 0) break;
    got += static_cast<char>(one[0]);
  }
  co_return got;
}

task<tcp_stream> kept(endpoint here) {
  tcp_stream s = co_await tcp_stream::connect(here);
  co_await write_text(s, get);
  EXPECT_NE((co_await read_hello(s)).find("keep-alive"), std::string::npos);
  co_return s;
}

task<> until(const bool& ended) {
  while (!ended) co_await sleep_for(way);
}

auto since(std::chrono::steady_clock::time_point t) { return this_loop().now() - t; }

}  // namespace

// aiohttp#1221: a kept-alive connection held the stop for its whole idle time.
TEST(ServerStop, AConnectionAtRestHoldsItForASecond) {
  simulate([]() -> task<> {
    stoppable s;
    co_await beside(s, [&](endpoint here) -> task<> {
      tcp_stream client = co_await kept(here);
      co_await sleep_for(10s);
      const auto begun = this_loop().now();
      s.stop.stop();
      EXPECT_EQ(co_await read_text(client), "");
      EXPECT_GE(since(begun), 1s);
      EXPECT_LE(since(begun), 1s + way);
      client.close();
      co_await until(s.ended);
      EXPECT_LE(s.ended_at - begun, 1s + 2 * way);
    });
  });
}

// golang/go#22682, hyper#2730: one that never sent a byte held it.
TEST(ServerStop, AConnectionWithoutAByteDoesNotHoldIt) {
  simulate([]() -> task<> {
    stoppable s;
    co_await beside(s, [&](endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await sleep_for(10s);
      const auto begun = this_loop().now();
      s.stop.stop();
      EXPECT_EQ(co_await read_text(client), "");
      EXPECT_LE(since(begun), 2 * way);
    });
  });
}

TEST(ServerStop, ARequestThatWasUnderWayToAConnectionAtRestIsAnsweredAndTold) {
  simulate([]() -> task<> {
    stoppable s;
    co_await beside(s, [&](endpoint here) -> task<> {
      tcp_stream client = co_await kept(here);
      s.stop.stop();
      co_await sleep_for(900ms);
      co_await write_text(client, get);
      const std::string got = co_await read_text(client);
      EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
      EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
    });
  });
}

// golang/go#33313: what had its connection when the listener was closed was reset.
CONFORMANCE(ServerStop, NobodyWhoHasAConnectionIsLost) {
  for (int round = 0; round < 10; ++round) {
    stoppable s;
    co_await beside(s, [&](endpoint here) -> task<> {
      int connected = 0;
      int answered = 0;
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 20; ++i)
          g.spawn([&]() -> task<> {
            auto client = co_await as_result(tcp_stream::connect(here));
            if (!client.has_value()) co_return;  // after the listener was closed
            // Others were refused by then, on a kernel: their connection has nobody to accept it.
            if (s.stop.stopping()) co_return;
            if (++connected == 10) s.stop.stop();
            tcp_stream mine = std::move(client).value();
            co_await write_text(mine, get);
            const std::string got = co_await read_text(mine, 1000);
            answered += first_line(got) == "HTTP/1.1 200 OK";
          });
        co_return;
      });
      EXPECT_EQ(connected, 10);
      EXPECT_EQ(answered, connected);
    });
  }
}

// More than io_uring takes from the queue for who has not asked.
CONFORMANCE(ServerStop, AFullServerServesInTheirTurnThoseWhoHaveAConnection) {
  constexpr int crowd = 40;
  for (int turns = 0; turns < 6; ++turns) {
    stoppable s(server_options().max_connections(2).grace(1h));
    int now = 0;
    int most = 0;
    s.server.route("GET", "/counted", [&](server_request&) -> task<server_response> {
      most = std::max(most, ++now);
      s.entered.set();
      co_await s.go_on.wait();
      co_await yield_now();
      --now;
      co_return server_response::text("hello");
    });
    co_await beside(s, [&](endpoint here) -> task<> {
      std::vector<tcp_stream> clients;
      for (int i = 0; i < crowd; ++i) {
        clients.push_back(co_await tcp_stream::connect(here));
        co_await write_text(clients.back(), "GET /counted HTTP/1.1\r\nHost: a\r\n\r\n");
        if (i == 0) co_await s.entered.wait();
      }
      for (int i = 0; i < turns; ++i) co_await yield_now();
      s.stop.stop();
      s.go_on.set();
      int answered = 0;
      for (tcp_stream& c : clients) {
        const auto got = co_await as_result(read_text(c));
        answered += got.has_value() && first_line(got.value()) == "HTTP/1.1 200 OK";
        c.close();
      }
      EXPECT_EQ(answered, crowd) << "stopped after " << turns << " turns";
    });
    EXPECT_EQ(most, 2);
  }
}

TEST(ServerStop, HeldConnectionsAreClosedWhenTheGraceEnds) {
  for (const bool by_a_second_word : {false, true})
    simulate([=]() -> task<> {
      stoppable s(server_options().max_connections(1).grace(20s));
      co_await beside(s, [&](endpoint here) -> task<> {
        tcp_stream busy = co_await tcp_stream::connect(here);
        co_await write_text(busy, get_slow);
        co_await s.entered.wait();
        tcp_stream held = co_await tcp_stream::connect(here);
        const auto begun = this_loop().now();
        s.stop.stop();
        co_await sleep_for(3s);
        EXPECT_FALSE(s.ended);
        if (by_a_second_word) s.stop.end_grace();
        EXPECT_EQ(co_await read_text(held), "");
        EXPECT_EQ(s.cleaned, 1);
        co_await until(s.ended);
        const auto whole = by_a_second_word ? 3s : 20s;
        EXPECT_GE(s.ended_at - begun, whole);
        EXPECT_LE(s.ended_at - begun, whole + 2 * way);
      });
    });
}

CONFORMANCE(ServerStop, AHandlerThatRunsEndsAndItsClientIsToldToClose) {
  stoppable s;
  co_await beside(s, [&](endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(client, get_slow);
    co_await s.entered.wait();
    s.stop.stop();
    co_await yield_now();
    EXPECT_FALSE(s.ended);
    s.go_on.set();
    const std::string got = co_await read_text(client);
    EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
    EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
  });
}

TEST(ServerStop, AHandlerThatRunsOnIsCancelledAfterTheGrace) {
  simulate([]() -> task<> {
    stoppable s(server_options().grace(20s));
    co_await beside(s, [&](endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get_slow);
      co_await s.entered.wait();
      const auto begun = this_loop().now();
      s.stop.stop();
      co_await until(s.ended);
      EXPECT_EQ(s.cleaned, 1);
      EXPECT_GE(s.ended_at - begun, 20s);
      EXPECT_LE(s.ended_at - begun, 20s + 2 * way);
    });
  });
}

TEST(ServerStop, ASecondWordEndsTheGrace) {
  simulate([]() -> task<> {
    stoppable s;
    co_await beside(s, [&](endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get_slow);
      co_await s.entered.wait();
      s.stop.stop();
      co_await sleep_for(3s);
      EXPECT_FALSE(s.ended);
      const auto begun = this_loop().now();
      s.stop.end_grace();
      co_await until(s.ended);
      EXPECT_LE(s.ended_at - begun, 2 * way);
    });
  });
}

// A cleanup that waits for the client ends when its connection is closed under it.
TEST(ServerStop, AConnectionIsClosedUnderACleanupThatHangs) {
  simulate([]() -> task<> {
    stoppable s(server_options().grace(10s).cancel_grace(3s).body_timeout(1h).body_rate(0, 1h));
    event cleaning;
    s.server.route("POST", "/hang", [&](server_request& r) -> task<server_response> {
      co_return co_await finally(
          []() -> task<server_response> {
            co_await sleep_for(1h);
            co_return server_response();
          }(),
          [&]() -> task<> {
            cleaning.set();
            (void)co_await as_result(r.next_chunk());
          });
    });
    co_await beside(s, [&](endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, "POST /hang HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
      co_await sleep_for(way);
      const auto begun = this_loop().now();
      s.stop.stop();
      co_await cleaning.wait();
      EXPECT_GE(since(begun), 10s);
      co_await until(s.ended);
      EXPECT_GE(s.ended_at - begun, 13s);
      EXPECT_LE(s.ended_at - begun, 13s + 2 * way);
    });
  });
}

TEST(ServerStop, ACancellationSkipsItsClocks) {
  simulate([]() -> task<> {
    stoppable s;
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    std::chrono::steady_clock::time_point begun;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return s.server.serve(std::move(listener), s.stop); });
      tcp_stream rests = co_await kept(here);
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get_slow);
      co_await s.entered.wait();
      begun = this_loop().now();
      g.cancel();
    });
    EXPECT_LE(since(begun), way);
    EXPECT_EQ(s.cleaned, 1);
  });
}

// uvicorn#451: a stream of events never learnt of the stop.
CONFORMANCE(ServerStop, WhoeverWaitsForItWakes) {
  stoppable s;
  s.server.route("GET", "/events", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([&r, n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 0) co_return "first;";
          if (r.server().stopping()) co_return std::nullopt;
          co_await r.server().until_stop();
          co_return "last;";
        }));
  });
  co_await beside(s, [&](endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(client, "GET /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    std::string got;
    while (got.find("first;") == std::string::npos) got += co_await read_text(client, 1);
    co_await with_task_group([&](task_group& g) -> task<> {
      bool heard = false;
      g.spawn([&]() -> task<> {
        co_await s.stop.until_stop();
        heard = true;
      });
      co_await yield_now();
      s.stop.stop();
      got += co_await read_text(client);
      EXPECT_TRUE(heard);
    });
    EXPECT_NE(got.find("last;"), std::string::npos) << got;
    EXPECT_TRUE(got.ends_with("0\r\n\r\n")) << got;
  });
}

CONFORMANCE(ServerStop, WaitsForWhatWasSpawned) {
  stoppable s;
  bool done = false;
  event go_on;
  s.server.route("GET", "/spawn", [&](server_request& r) -> task<server_response> {
    r.server().spawn([&]() -> task<> {
      co_await go_on.wait();
      done = true;
    });
    co_return server_response::text("hello");
  });
  co_await beside(s, [&](endpoint here) -> task<> {
    EXPECT_EQ(first_line(co_await exchange_bytes(here, "GET /spawn HTTP/1.1\r\nHost: a\r\n\r\n")),
              "HTTP/1.1 200 OK");
    s.stop.stop();
    co_await yield_now();
    EXPECT_FALSE(s.ended);
    go_on.set();
  });
  EXPECT_TRUE(done);
}

TEST(ServerStop, CancelsWhatWasSpawnedAfterTheGrace) {
  simulate([]() -> task<> {
    stoppable s(server_options().grace(5s));
    s.server.route("GET", "/spawn", [](server_request& r) -> task<server_response> {
      r.server().spawn(sleep_for(1h));
      co_return server_response::text("hello");
    });
    co_await beside(s, [&](endpoint here) -> task<> {
      co_await exchange_bytes(here, "GET /spawn HTTP/1.1\r\nHost: a\r\n\r\n");
      const auto begun = this_loop().now();
      s.stop.stop();
      co_await until(s.ended);
      EXPECT_GE(s.ended_at - begun, 5s);
      EXPECT_LE(s.ended_at - begun, 5s + 2 * way);
    });
  });
}

CONFORMANCE(ServerStop, OneWordStopsSeveralServers) {
  stoppable a;
  stoppable b;
  b.stop = a.stop;
  co_await beside(a, [&](endpoint) -> task<> {
    co_await beside(b, [&](endpoint) -> task<> {
      co_await yield_now();
      a.stop.stop();
    });
  });
}

CONFORMANCE(ServerStop, AServerThatWasStoppedBeforeItServedEndsAtOnce) {
  stoppable s;
  s.stop.stop();
  co_await beside(s, [](endpoint) -> task<> { co_return; });
}

ON_KERNEL_REACTORS(ServerStop, IsAskedForFromAnotherThread) {
  run_on(reactor, []() -> task<> {
    for (int round = 0; round < 20; ++round) {
      stoppable s;
      std::thread other;
      co_await beside(s, [&](endpoint here) -> task<> {
        tcp_stream client = co_await tcp_stream::connect(here);
        other = std::thread([stop = s.stop]() mutable {
          stop.stop();
          stop.end_grace();
        });
        EXPECT_EQ(co_await read_text(client), "");
      });
      other.join();
    }
  });
}

// The handle may outlive its servers and their loops.
ON_KERNEL_REACTORS(ServerStop, MayBeAskedForWhenNobodyServesAnyMore) {
  stop_handle stop;
  run_on(reactor, [&]() -> task<> {
    http::server server;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return server.serve(listen_here(), stop); });
      g.spawn([&] { return stop.until_stop(); });
      co_await yield_now();
      g.cancel();
    });
  });
  stop.stop();
  EXPECT_TRUE(stop.stopping());
}

CONFORMANCE_RUNS(ServerStop, CanBeCancelledAtEveryWait) {
  const waits_cancelled n = cancel_at_every_wait(reactor, []() -> task<> {
    stoppable s(server_options().grace(2ms).cancel_grace(2ms));
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return s.server.serve(std::move(listener), s.stop); });
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get_slow);
      co_await s.entered.wait();
      s.stop.stop();
      (void)co_await as_result(read_text(client));
    });
  });
  EXPECT_GE(n.at_rest, 6U);
}

// Those that wait in the queue, that the reactor has taken, and that are held.
CONFORMANCE_RUNS(ServerStop, WithManyWhoHaveAConnectionCanBeCancelledAtEveryWait) {
  for (const int room : {1, 100}) {
    const waits_cancelled n = cancel_at_every_wait(reactor, [room]() -> task<> {
      stoppable s(server_options().max_connections(room).grace(1s).cancel_grace(2ms));
      tcp_listener listener = listen_here();
      const endpoint here = listener.local_endpoint();
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&] { return s.server.serve(std::move(listener), s.stop); });
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 4; ++i) {
          clients.push_back(co_await tcp_stream::connect(here));
          co_await write_text(clients.back(), "GET / HTTP/1.0\r\n\r\n");
        }
        s.stop.stop();
        for (tcp_stream& c : clients) {
          EXPECT_EQ(first_line(co_await read_text(c)), "HTTP/1.1 200 OK");
          c.close();
        }
      });
    });
    EXPECT_GE(n.at_rest, 6U);
  }
}

}  // namespace http_server_stop_cases
