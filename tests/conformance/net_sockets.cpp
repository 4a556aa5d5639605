// What sockets of all kinds share: options, several pieces in one write, descriptors from elsewhere
// and for nobody else, and a long way in small steps.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime/core/random.hpp>

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <set>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

// --- several pieces ------------------------------------------------------------------------------

namespace {

std::span<const std::span<const std::byte>> pieces_of(
    const std::vector<std::span<const std::byte>>& all) {
  return all;
}

}  // namespace

CONFORMANCE(WritePieces, ArriveInTheirOrder) {
  stream_pair p = co_await connect_pair();
  std::vector<std::span<const std::byte>> pieces;
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.push_back(i % 7 == 0 ? "" : "piece " + std::to_string(i));
  for (const std::string& t : texts) {
    pieces.push_back(bytes_of(t));
    expected += t;
  }
  co_await p.client.write_all(pieces_of(pieces));
  co_await p.client.write_all(std::span<const std::span<const std::byte>>());
  co_await p.client.shutdown_write();
  EXPECT_EQ(co_await read_text(p.server), expected);
}

CONFORMANCE(WritePieces, GoOnWhereAShortWriteEnded) {
  stream_pair p = co_await connect_pair();
  const std::string one = pattern(3 << 20, 1);
  const std::string two = pattern(3 << 20, 2);
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { got = co_await read_text(p.server); });
    const std::array<std::span<const std::byte>, 3> pieces{bytes_of(one), bytes_of("|"),
                                                           bytes_of(two)};
    co_await p.client.write_all(pieces);
    co_await p.client.shutdown_write();
  });
  EXPECT_TRUE(got == one + "|" + two);
}

CONFORMANCE(WritePieces, GoThroughAnyStream) {
  const std::array<std::span<const std::byte>, 2> pieces{bytes_of("head "), bytes_of("body")};
  stream_pair p = co_await connect_pair();
  net::any_stream over_tcp(std::move(p.client));
  co_await over_tcp.write_all(pieces);
  EXPECT_EQ(co_await read_text(p.server, 9), "head body");
  auto [a, b] = net::make_memory_streams();
  net::any_stream in_memory(std::move(a));
  co_await in_memory.write_all(pieces);
  std::array<std::byte, 16> buffer{};
  EXPECT_EQ(co_await b.read_some(buffer), 9U);
}

CONFORMANCE(WritePieces, BreakTheWriteSideWhenTheyAreCancelled) {
  stream_pair p = co_await connect_pair();
  const std::string large(16 << 20, 'x');
  const std::array<std::span<const std::byte>, 2> pieces{bytes_of(large), bytes_of(large)};
  EXPECT_FALSE(co_await try_for(5ms, p.client.write_all(pieces)));
  EXPECT_EQ((co_await as_result(write_text(p.client, "more"))).code(), io_errc::write_broken);
  EXPECT_EQ((co_await as_result(p.client.write_all(pieces))).code(), io_errc::write_broken);
}

CONFORMANCE_RUNS(CancelEveryWait, WritePieces) {
  const std::string large = pattern(3 << 20);
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await sleep_for(300us);
        EXPECT_EQ((co_await read_text(p.server)).size(), 2 * large.size());
      });
      const std::array<std::span<const std::byte>, 2> pieces{bytes_of(large), bytes_of(large)};
      co_await p.client.write_all(pieces);
      p.client.close();
    });
  });
  EXPECT_GE(n.at_rest, 3U);
}

// --- byte for byte -------------------------------------------------------------------------------

CONFORMANCE(Stream, Carries64MebibytesToAReaderOfRandomSmallReads) {
  constexpr std::size_t total = std::size_t{64} << 20;
  constexpr std::size_t block = std::size_t{1} << 20;
  stream_pair p = co_await connect_pair();
  std::size_t read = 0;
  bool same = true;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t i = 0; i < total / block; ++i)
        co_await write_text(p.client, pattern(block, i));
      co_await p.client.shutdown_write();
    });
    rondo::detail::random_source random(64);
    std::array<char, 4096> buffer{};
    std::string expected;
    for (;;) {
      const auto want = static_cast<std::size_t>(random.between(1, 4096));
      const std::size_t n =
          co_await p.server.read_some(std::as_writable_bytes(std::span(buffer.data(), want)));
      if (n == 0) break;
      for (std::size_t i = 0; i < n;) {
        if (read % block == 0) expected = pattern(block, read / block);
        const std::size_t part = std::min(n - i, block - read % block);
        same = same && std::string_view(buffer.data() + i, part) ==
                           std::string_view(expected).substr(read % block, part);
        i += part;
        read += part;
      }
    }
  });
  EXPECT_EQ(read, total);
  EXPECT_TRUE(same);
}

// --- options and descriptors ---------------------------------------------------------------------

ON_KERNEL_REACTORS(Options, AreSetAndReadByType) {
  namespace options = net::options;
  run_on(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    tcp_stream& s = p.client;
    EXPECT_TRUE(s.get<options::no_delay>().value);
    s.set(options::no_delay(false));
    EXPECT_FALSE(s.get<options::no_delay>().value);
    s.set(options::keep_alive(true));
    s.set(options::keep_alive_idle(1500ms));
    s.set(options::keep_alive_interval(7s));
    s.set(options::keep_alive_probes(3));
    s.set(options::user_timeout(250ms));
    EXPECT_TRUE(s.get<options::keep_alive>().value);
    EXPECT_EQ(s.get<options::keep_alive_idle>().value, 2s);  // never shorter than asked
    EXPECT_EQ(s.get<options::keep_alive_interval>().value, 7s);
    EXPECT_EQ(s.get<options::keep_alive_probes>().value, 3);
    EXPECT_EQ(s.get<options::user_timeout>().value, 250ms);
    s.set(options::receive_buffer(20'000));
    EXPECT_GE(s.get<options::receive_buffer>().value, 20'000);
    EXPECT_EQ(s.get<options::linger>().value, std::nullopt);
    s.set(options::linger(0s));
    EXPECT_EQ(s.get<options::linger>().value, 0s);
    s.close();
    std::array<std::byte, 1> byte{};
    EXPECT_EQ((co_await as_result(p.server.read_some(byte))).code(), system_code(ECONNRESET));
    EXPECT_THROW(s.set(options::no_delay(true)), std::system_error);
  });
}

// A reset, a broken pipe, a refusal, the end and silence are five things.
ON_KERNEL_REACTORS(Errors, AreToldApart) {
  run_on(reactor, []() -> task<> {
    std::array<std::byte, 1> byte{};
    stream_pair reset = co_await connect_pair();
    reset.client.set(net::options::linger(0s));
    reset.client.close();
    EXPECT_EQ((co_await as_result(reset.server.read_some(byte))).code(), system_code(ECONNRESET));
    EXPECT_EQ((co_await as_result(write_text(reset.server, "x"))).code(), system_code(EPIPE));
    stream_pair end = co_await connect_pair();
    end.client.close();
    EXPECT_EQ(co_await end.server.read_some(byte), 0U);
    const unserved_port port;
    EXPECT_EQ((co_await as_result(tcp_stream::connect(port.at()))).code(),
              system_code(ECONNREFUSED));
    tcp_listener full = tcp_listener::bind(loopback(), net::listen_options().backlog(1));
    std::vector<tcp_stream> filling;
    std::error_code silent;
    for (int i = 0; i < 16 && !silent; ++i) {
      auto s = co_await as_result(
          tcp_stream::connect(full.local_endpoint(), net::connect_options().attempt_timeout(50ms)));
      silent = s.code();
      if (s.has_value()) filling.push_back(std::move(s).value());
    }
    EXPECT_EQ(silent, system_code(ETIMEDOUT));
  });
}

ON_KERNEL_REACTORS(Adopt, TakesADescriptorFromElsewhere) {
  run_on(reactor, [reactor]() -> task<> {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);  // blocking, not CLOEXEC
    net::unix_stream a = net::unix_stream::adopt(fds[0]);
    net::unix_stream b = net::unix_stream::adopt(fds[1]);
    EXPECT_TRUE(::fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ((::fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0, reactor == reactor_kind::epoll);
    std::array<std::byte, 8> buffer{};
    EXPECT_FALSE(co_await try_for(1ms, a.read_some(buffer)));
    co_await b.write_all(bytes_of("adopted"));
    EXPECT_EQ(co_await a.read_some(buffer), 7U);
  });
}

ON_KERNEL_REACTORS(Adopt, TakesAListenerThatASupervisorMade) {
  run_on(reactor, []() -> task<> {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(::listen(fd, 8), 0);  // binds it
    tcp_listener l = tcp_listener::adopt(fd);
    const endpoint here = loopback(l.local_endpoint().port());
    tcp_stream client = co_await tcp_stream::connect(here);
    tcp_stream server = co_await l.accept();
    co_await write_text(server, "hello");
    EXPECT_EQ(co_await read_text(client, 5), "hello");
  });
}

ON_KERNEL_REACTORS(Adopt, RefusesWhatIsNotWhatItShouldBe) {
  run_on(reactor, []() -> task<> {
    const net::socket stream =
        net::socket::open(AF_INET, SOCK_STREAM, rondo::detail::transfers::may_stop_short);
    const int fd = stream.get().fd;
    const auto why = [](auto adopt) -> std::string {
      try {
        adopt();
      } catch (const std::invalid_argument& e) {
        return e.what();
      }
      return "adopted";
    };
    EXPECT_NE(why([&] { tcp_listener::adopt(fd); }).find("it does not listen"), std::string::npos);
    EXPECT_NE(why([&] { net::udp_socket::adopt(fd); }).find("datagrams"), std::string::npos);
    EXPECT_NE(why([&] { net::unix_stream::adopt(fd); }).find("not a Unix socket"),
              std::string::npos);
    EXPECT_THROW(tcp_stream::adopt(-1), std::system_error);
    EXPECT_NE(::fcntl(fd, F_GETFD), -1);  // still ours
    co_return;
  });
}

namespace {

// What a program that is started now finds open.
std::string inherited() {
  std::string names;
  std::FILE* out = ::popen("ls /proc/self/fd", "re");  // NOLINT(cert-env33-c): nobody's words in it
  if (!out) return "popen failed";
  for (int c = 0; (c = std::fgetc(out)) != EOF;) names += static_cast<char>(c);
  ::pclose(out);
  return names;
}

}  // namespace

ON_KERNEL_REACTORS(Descriptors, NoneIsInheritedByAChildProcess) {
  const std::string before = inherited();
  run_on(reactor, [&]() -> task<> {
    tcp_listener l = listen_here();
    stream_pair p = co_await connect_pair(l);
    net::udp_socket u = net::udp_socket::bind(loopback());
    auto unix_pair = net::unix_stream::pair();
    net::unix_listener ul = net::unix_listener::bind(endpoint::parse("unix:@rondo-inherit"));
    net::unix_stream uc = co_await net::unix_stream::connect(ul.local_endpoint());
    net::unix_stream us = co_await ul.accept();
    net::file f = co_await net::file::open("/proc/self/exe");
    EXPECT_EQ(inherited(), before);
  });
}

// A listener a loop, all on one port: the kernel spreads the connections by their ports.
ON_KERNEL_REACTORS(ReusePort, SpreadsConnectionsOverLoops) {
  constexpr int connections = 64;
  std::atomic<std::uint16_t> port{0};
  std::atomic<int> ready{0};
  std::atomic<bool> done{false};
  std::array<std::atomic<int>, 2> served{};
  run_on_threads(
      2,
      [&](std::size_t index) -> task<> {
        while (index != 0 && port == 0) co_await sleep_for(1ms);
        tcp_listener l = tcp_listener::bind(loopback(port), net::listen_options().reuse_port(true));
        port = l.local_endpoint().port();
        ++ready;
        net::serve_handle server;
        auto handler = [&, index](tcp_stream s) -> task<> {
          ++served.at(index);
          co_await write_text(s, "x");
        };
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&, handler] {
            return net::serve(std::move(l), handler, net::serve_options(), server);
          });
          while (ready < 2) co_await sleep_for(1ms);
          if (index == 0) {
            for (int i = 0; i < connections; ++i) {
              tcp_stream c = co_await tcp_stream::connect(loopback(port));
              EXPECT_EQ(co_await read_text(c), "x");
            }
            done = true;
          }
          while (!done) co_await sleep_for(1ms);
          server.stop();
        });
      },
      run_options().reactor(reactor));
  EXPECT_EQ(served[0] + served[1], connections);
  EXPECT_GT(served[0], 0);
  EXPECT_GT(served[1], 0);
}
