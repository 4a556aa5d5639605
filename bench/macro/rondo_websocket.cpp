// A WebSocket echo server as a user of Rondo writes it. RONDO_REACTOR chooses the reactor.
#include "rondo_serving.hpp"

#include <rondo/http/server.hpp>
#include <rondo/runtime/sleep.hpp>

#include <cstdlib>

namespace {

using namespace rondo;
using namespace std::chrono_literals;

task<> echo(http::websocket& ws, std::chrono::milliseconds after) {
  while (const auto m = co_await ws.receive()) {
    if (after.count() > 0) co_await sleep_for(after);
    co_await ws.send(*m);
    ++bench::round_trips;
  }
}

}  // namespace

// usage: rondo_websocket [MILLISECONDS]: how long an echo is held back, to check loads.
int main(int count, char** arguments) {
  const std::chrono::milliseconds after(count > 1 ? std::strtol(arguments[1], nullptr, 10) : 0);
  http::server server(http::server_options().max_connections(20'000));
  server.websocket(
      "/", [after](http::websocket& ws) { return echo(ws, after); },
      // The loads answer no pings.
      http::websocket_options().max_message(std::size_t{16} << 20).heartbeat(0s, 0s));
  bench::serve_http_until_signal(server);
}
