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

}  // namespace

int main() {
  http::server server(http::server_options().max_connections(20'000));
  server.websocket("/", echo, http::websocket_options().max_message(std::size_t{16} << 20));
  bench::serve_http_until_signal(server);
}
