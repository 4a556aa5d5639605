// An echo server on TCP and on a Unix socket, which stops gracefully: Ctrl-C lets the connections
// that are open end, a second one ends the process.
//
//   echo_server [127.0.0.1:7000] [unix:/tmp/echo.sock]
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>

namespace net = rondo::net;
using namespace std::chrono_literals;

// Whatever the stream is made of.
template <net::byte_stream Stream>
rondo::task<> echo(Stream stream) {
  std::array<std::byte, 4096> buffer{};
  while (const std::size_t n = co_await stream.read_some(buffer))
    co_await stream.write_all(std::span(buffer).first(n));
}

rondo::task<> stop_on_signal(net::serve_handle server) {
  co_await rondo::next_signal({SIGINT, SIGTERM});
  std::printf("stopping; %zu connections have ten seconds to end\n", server.connections());
  server.stop();
}

rondo::task<> serve_both(std::string tcp, std::string local) {
  net::tcp_listener over_tcp = net::tcp_listener::bind(net::endpoint::parse(tcp));
  net::unix_listener over_unix = net::unix_listener::bind(
      net::endpoint::parse(local), net::unix_listen_options().replace_stale(true));
  std::printf("serving %s and %s\n", over_tcp.local_endpoint().to_string().c_str(), local.c_str());
  std::fflush(stdout);

  net::serve_handle server;
  const auto options = net::serve_options().max_connections(1000).grace(10s);
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    auto waiting = g.spawn(stop_on_signal(server));
    co_await rondo::gather(
        net::serve(std::move(over_tcp), echo<net::tcp_stream>, options, server),
        net::serve(std::move(over_unix), echo<net::unix_stream>, options, server));
    waiting.cancel();
  });
  std::printf("served %llu connections\n", static_cast<unsigned long long>(server.accepted()));
}

int main(int argc, char** argv) {
  return rondo::run_main(serve_both(argc > 1 ? argv[1] : "127.0.0.1:7000",
                                    argc > 2 ? argv[2] : "unix:/tmp/echo.sock"));
}
