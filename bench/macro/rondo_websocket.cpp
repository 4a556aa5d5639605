// A WebSocket echo server as a user of Rondo writes it. RONDO_REACTOR chooses the reactor.
#include "rondo_serving.hpp"

#include <rondo/http/server.hpp>

namespace {

using namespace rondo;

task<> echo(http::websocket& ws) {
  while (const auto m = co_await ws.receive()) {
    co_await ws.send(*m);
    ++bench::round_trips;
  }
}

task<> serve() {
  signal_watch ends({SIGTERM, SIGINT});
  http::server server;
  server.websocket("/", echo, http::websocket_options().max_message(std::size_t{16} << 20));
  net::tcp_listener listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  std::printf("{\"port\": %d}\n", listener.local_endpoint().port());
  std::fflush(stdout);
  co_await with_task_group([&](task_group& group) -> task<> {
    group.spawn([&] { return server.serve(std::move(listener)); });
    co_await ends.next();
    group.cancel();
  });
  bench::report(this_loop().stats());
}

}  // namespace

int main() { run(serve()); }
