// A server on several threads: how the work is spread, and how signals and failures end it.
#include "http/http_support.hpp"
#include "net/shared_port.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

namespace http_run_server_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using http::stop_handle;

namespace {

constexpr std::size_t loops = 2;

// What the loops of a program count.
struct counts {
  std::atomic<std::size_t> listening{0};
  std::atomic<std::size_t> next{0};
  std::array<std::atomic<int>, loops> answered{};
};

task<> app(counts& c, endpoint at, stop_handle stop) {
  const std::size_t mine = c.next++;
  http::server s;
  s.route("GET", "/", [&c, mine](server_request&) -> task<server_response> {
    ++c.answered[mine];
    co_return server_response::text("hello");
  });
  auto listener = net::tcp_listener::bind(at, net::listen_options().reuse_port(true));
  ++c.listening;
  co_await s.serve(std::move(listener), stop);
}

// On a thread beside the program: asks n times when all loops listen, then calls end().
template <class End>
std::thread client_of(counts& c, endpoint at, int n, End end) {
  return std::thread([&c, at, n, end]() mutable {
    while (c.listening < loops) std::this_thread::yield();
    run([](endpoint to, int times) -> task<> {
      for (int i = 0; i < times; ++i) {
        const std::string got = co_await exchange_bytes(to, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
      }
    }(at, n));
    end();
  });
}

}  // namespace

// envoy#4602: behind one queue a few loops had nearly all connections.
ON_KERNEL_REACTORS(RunServer, SpreadsConnectionsOverItsLoops) {
  const shared_port port;
  counts c;
  stop_handle stop;
  std::thread client = client_of(c, port.at(), 100, [stop]() mutable { stop.stop(); });
  http::serve_on_threads(
      loops, [&](stop_handle s) { return app(c, port.at(), std::move(s)); }, stop,
      run_options().reactor(reactor));
  client.join();
  EXPECT_EQ(c.answered[0] + c.answered[1], 100);
  EXPECT_GE(c.answered[0], 15);  // of 100 throws of a coin
  EXPECT_GE(c.answered[1], 15);
}

ON_KERNEL_REACTORS(RunServer, ASignalStopsAllLoops) {
  const shared_port port;
  counts c;
  std::thread client = client_of(c, port.at(), 10, [] { ::kill(::getpid(), SIGTERM); });
  const int code = http::run_server([&](stop_handle s) { return app(c, port.at(), std::move(s)); },
                                    loops, run_options().reactor(reactor));
  client.join();
  EXPECT_EQ(code, 0);
  EXPECT_EQ(c.answered[0] + c.answered[1], 10);
}

// Both loops have a request that never ends, the grace is an hour.
ON_KERNEL_REACTORS(RunServer, ASecondSignalEndsTheGraceOnAllLoops) {
  const shared_port port;
  std::atomic<int> heard = 0;
  std::atomic<int> listening = 0;
  std::thread signals([&] {
    while (listening < 2) std::this_thread::yield();
    ::kill(::getpid(), SIGINT);
    while (heard < 2) std::this_thread::yield();
    ::kill(::getpid(), SIGTERM);
  });
  const int code = http::run_server(
      [&](stop_handle stop) -> task<> {
        http::server s(http::server_options().grace(1h));
        s.route("GET", "/", [&](server_request& r) -> task<server_response> {
          ++listening;
          co_await r.server().until_stop();
          ++heard;
          co_await sleep_for(1h);
          co_return server_response();
        });
        tcp_listener listener = listen_here();
        const endpoint here = listener.local_endpoint();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&] { return s.serve(std::move(listener), stop); });
          tcp_stream client = co_await tcp_stream::connect(here);
          co_await write_text(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
          (void)co_await as_result(read_text(client));
        });
      },
      loops, run_options().reactor(reactor));
  signals.join();
  EXPECT_EQ(code, 0);
}

// Without SO_REUSEPORT the second loop does not get the port; the first is cancelled, and the error
// names what could not be had.
ON_KERNEL_REACTORS(RunServer, WhatOneLoopCannotHaveEndsAllAndIsSaid) {
  const shared_port port;
  testing::internal::CaptureStderr();
  const int code = http::run_server(
      [&](stop_handle stop) -> task<> {
        http::server s;
        co_await s.serve(net::tcp_listener::bind(port.at()), stop);
      },
      loops, run_options().reactor(reactor));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find(port.at().to_string() + ": Address already in use"), std::string::npos)
      << said;
}

}  // namespace http_run_server_cases
