// A chat as a user of Rondo writes it: what one says goes to all. RONDO_REACTOR chooses the
// reactor.
#include "rondo_serving.hpp"

#include <rondo/http/accept_websocket.hpp>
#include <rondo/http/server.hpp>
#include <rondo/runtime/broadcast.hpp>

namespace {

using namespace rondo;
using namespace std::chrono_literals;

task<> chat(http::websocket& ws, broadcast<http::framed_message>& room) {
  auto heard = room.subscribe(64, overflow::close);
  co_await with_task_group([&](task_group& group) -> task<> {
    auto showing = group.spawn([&]() -> task<> {
      while (const auto m = co_await heard.next()) co_await ws.send(*m);
    });
    while (const auto m = co_await ws.receive()) {
      co_await room.send(http::framed_message::text(m->data));
      ++bench::round_trips;
    }
    showing.cancel();
  });
}

}  // namespace

int main() {
  broadcast<http::framed_message> room;
  http::server server(http::server_options().max_connections(20'000));
  server.websocket(
      "/", [&](http::websocket& ws) { return chat(ws, room); },
      http::websocket_options().heartbeat(0s, 0s));  // the load answers no pings
  bench::serve_http_until_signal(server);
}
