// serve: stopping gracefully, and what it keeps of its connections.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace net_serve_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::serve_handle;
using net::serve_options;

namespace {

task<> echo(tcp_stream s) {
  std::array<std::byte, 64> buffer{};
  while (const std::size_t n = co_await s.read_some(buffer))
    co_await s.write_all(std::span(buffer).first(n));
}

// Until the listener is gone.
task<> until_refused(endpoint at) {
  while ((co_await as_result(tcp_stream::connect(at))).code() != system_code(ECONNREFUSED))
    co_await sleep_for(1ms);
}

task<std::string> read_exactly(tcp_stream& s, std::size_t n) { return read_text(s, n); }

}  // namespace

CONFORMANCE(GracefulStop, LetsConnectionsEndAndTakesNoMore) {
  tcp_listener l = listen_here();
  const endpoint here = l.local_endpoint();
  serve_handle server;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto serving = g.spawn(net::serve(std::move(l), echo, serve_options(), server));
    tcp_stream c = co_await tcp_stream::connect(here);
    co_await write_text(c, "one");
    EXPECT_EQ(co_await read_exactly(c, 3), "one");
    EXPECT_EQ(server.connections(), 1U);
    EXPECT_FALSE(server.stopping());
    server.stop();
    server.stop();
    EXPECT_TRUE(server.stopping());
    co_await until_refused(here);
    co_await write_text(c, "two");
    EXPECT_EQ(co_await read_exactly(c, 3), "two");
    EXPECT_FALSE(serving.done());
    c.close();
    EXPECT_TRUE((co_await serving.join()).has_value());
  });
  EXPECT_EQ(server.connections(), 0U);
}

CONFORMANCE(GracefulStop, CancelsWhoHasNotEndedInTime) {
  tcp_listener l = listen_here();
  const endpoint here = l.local_endpoint();
  serve_handle server;
  bool cleaned = false;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) -> task<> {
      co_await finally(echo(std::move(s)), [&]() -> task<> {
        co_await sleep_for(1ms);
        cleaned = true;
      });
    };
    auto serving = g.spawn(net::serve(std::move(l), handler, serve_options().grace(20ms), server));
    tcp_stream c = co_await tcp_stream::connect(here);
    while (server.connections() == 0) co_await sleep_for(1ms);
    const auto stopped_at = this_loop().now();
    server.stop();
    EXPECT_TRUE((co_await serving.join()).has_value());
    EXPECT_TRUE(cleaned);
    EXPECT_GE(this_loop().now() - stopped_at, 20ms);
    EXPECT_EQ(co_await read_text(c), "");
  });
}

// A cleanup that says goodbye to a peer that does not answer.
CONFORMANCE(GracefulStop, ClosesTheConnectionUnderACleanupThatHangs) {
  tcp_listener l = listen_here();
  const endpoint here = l.local_endpoint();
  serve_handle server;
  std::error_code goodbye;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) -> task<> {
      co_await finally(sleep_for(1h), [&]() -> task<> {
        std::array<std::byte, 1> answer{};
        goodbye = (co_await as_result(s.read_some(answer))).code();
      });
    };
    auto serving = g.spawn(
        net::serve(std::move(l), handler, serve_options().grace(0ms).cancel_grace(10ms), server));
    tcp_stream c = co_await tcp_stream::connect(here);
    while (server.connections() == 0) co_await sleep_for(1ms);
    server.stop();
    EXPECT_TRUE((co_await serving.join()).has_value());
  });
  EXPECT_EQ(goodbye, io_errc::closed);
}

CONFORMANCE(GracefulStop, IsHeardByHandlersThatWait) {
  tcp_listener l = listen_here();
  const endpoint here = l.local_endpoint();
  serve_handle server;
  int heard = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&, server](tcp_stream s) mutable -> task<> {
      co_await server.until_stop();
      ++heard;
      co_await write_text(s, "bye");
    };
    g.spawn([&, handler] { return net::serve(std::move(l), handler, serve_options(), server); });
    std::vector<tcp_stream> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(co_await tcp_stream::connect(here));
    while (server.connections() < 3) co_await sleep_for(1ms);
    server.stop();
    for (tcp_stream& c : clients) EXPECT_EQ(co_await read_text(c), "bye");
  });
  EXPECT_EQ(heard, 3);
}

CONFORMANCE(GracefulStop, BeforeTheStartServesNobody) {
  serve_handle server;
  server.stop();
  co_await net::serve(listen_here(), echo, serve_options(), server);
  EXPECT_EQ(server.accepted(), 0U);
}

CONFORMANCE(GracefulStop, IsForAllThatWereGivenTheHandle) {
  serve_handle server;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 2; ++i)
      g.spawn(net::serve(listen_here(), echo, serve_options().max_connections(1), server));
    co_await sleep_for(1ms);
    server.stop();
  });
}

CONFORMANCE(GracefulStop, EndsAServerThatWaitsForRoom) {
  tcp_listener l = listen_here();
  const endpoint here = l.local_endpoint();
  serve_handle server;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(net::serve(std::move(l), echo, serve_options().max_connections(1), server));
    tcp_stream c = co_await tcp_stream::connect(here);
    while (server.connections() == 0) co_await sleep_for(1ms);
    server.stop();
    c.close();
  });
  EXPECT_EQ(server.connections(), 0U);
}

CONFORMANCE(Serve, NamesItsConnectionsInTheTreeOfTasks) {
  tcp_listener l = listen_here();
  const endpoint here = l.local_endpoint();
  serve_handle server;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(net::serve(std::move(l), echo, serve_options(), server));
    tcp_stream c = co_await tcp_stream::connect(here);
    co_await write_text(c, "x");
    EXPECT_EQ(co_await read_exactly(c, 1), "x");
    const std::string name = "\"connection " + c.local_endpoint().to_string() + "\"";
    EXPECT_NE(task_tree().find(name), std::string::npos) << task_tree();
    server.stop();
    c.close();
  });
}

CONFORMANCE_RUNS(CancelEveryWait, GracefulStop) {
  int entered = 0;
  int left = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        entered = left = 0;
        tcp_listener l = listen_here();
        const endpoint here = l.local_endpoint();
        serve_handle server;
        auto handler = [&](tcp_stream s) -> task<> {
          ++entered;
          struct leaving {
            int& n;
            ~leaving() { ++n; }
          } const count{left};
          co_await echo(std::move(s));
        };
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&, handler] {
            return net::serve(std::move(l), handler,
                              serve_options().grace(200us).cancel_grace(200us), server);
          });
          tcp_stream one = co_await tcp_stream::connect(here);
          tcp_stream two = co_await tcp_stream::connect(here);
          co_await sleep_for(200us);
          server.stop();
          one.close();
          co_await sleep_for(1ms);
        });
      },
      [&] { EXPECT_EQ(entered, left); });
  EXPECT_GE(n.at_rest, 6U);
}

namespace {

// 200 clients of another process, which has descriptors of its own: all connect, then each wants
// its answer.
pid_t fork_clients(std::uint16_t port, int count) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  std::vector<int> sockets;
  for (int i = 0; i < count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) ::_exit(1);
    sockets.push_back(fd);
  }
  ::usleep(300'000);  // the server stands at its limit meanwhile
  for (const int fd : sockets) {
    char c = 'x';
    if (::write(fd, &c, 1) != 1 || ::read(fd, &c, 1) != 1) ::_exit(2);
    ::close(fd);
  }
  ::_exit(0);
}

double cpu_seconds() {
  rusage u{};
  ::getrusage(RUSAGE_SELF, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

}  // namespace

// What is counted is not time but attempts: a server without a rest would make thousands.
ON_KERNEL_REACTORS(Serve, ServesTwoHundredClientsWithSixtyFourDescriptors) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  run_on(reactor, [&]() -> task<> {
    tcp_listener l = listen_here();
    const pid_t clients = fork_clients(l.local_endpoint().port(), 200);
    rlimit low = before;
    low.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &low);
    serve_handle server;
    const double cpu = cpu_seconds();
    const auto begun = std::chrono::steady_clock::now();
    const auto started = this_loop().stats().submissions;
    int status = -1;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(net::serve(std::move(l), echo, serve_options(), server));
      while (::waitpid(clients, &status, WNOHANG) == 0) co_await sleep_for(5ms);
      server.stop();
    });
    EXPECT_EQ(status, 0);
    EXPECT_EQ(server.accepted(), 200U);
    // For each connection an accept, two reads and a write; the rest is attempts in vain.
    EXPECT_LT(this_loop().stats().submissions - started, 4U * 200U + 300U);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf("%s: %.1f ms of CPU in %.0f ms\n", name_of(reactor).c_str(),
                (cpu_seconds() - cpu) * 1e3, took.count() * 1e3);
  });
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace net_serve_cases
