// An echo server for connections that are idle most of the time: each waits in receive(), without a
// buffer. RONDO_REACTOR chooses the reactor. Serves until it is killed; prints its port as the
// others do.
#include <rondo/net/serve.hpp>
#include <rondo/runtime/run.hpp>

#include <cstdio>

namespace {

using namespace rondo;
using namespace rondo::net;

task<> echo(tcp_stream stream) {
  for (;;) {
    const received_bytes piece = co_await stream.receive();
    if (piece.empty()) co_return;
    co_await stream.write_all(piece.bytes());
  }
}

task<> serve_idle() {
  tcp_listener listener = tcp_listener::bind(endpoint::parse("127.0.0.1:0"));
  std::printf("{\"port\": %d}\n", listener.local_endpoint().port());
  std::fflush(stdout);
  co_await serve(std::move(listener), echo, serve_options().max_connections(20'000));
}

}  // namespace

int main() { run(serve_idle()); }
