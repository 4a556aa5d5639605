// WebSockets on streams of HTTP/2 without a client and a server around them: both ends of a stream
// of two sessions, whose tasks are the loop's.
#pragma once

#include "http/http2_support.hpp"
#include "http/websocket_support.hpp"

#include <rondo/http/http2/tunnel.hpp>
#include <rondo/runtime.hpp>

#include <memory>
#include <utility>

namespace rondo_test {

// The client's end of a WebSocket, on a stream of a session.
inline rondo::http::websocket websocket_on(http2::http2_stream_ref s,
                                           const rondo::http::websocket_options& o = {}) {
  return websocket_over(
      http2::side::client,
      rondo::net::any_stream(http2::http2_tunnel(std::move(s), rondo::net::endpoint())), o);
}

// One end of a connection.
struct h2_end {
  h2_end(http2::http2_role role, tcp_stream s, const http2::http2_settings& settings)
      : stream(http2::plain_stream(std::move(s))), connection(role, stream, settings) {}

  static rondo::task<> read(std::shared_ptr<h2_end> e) {
    while (co_await e->connection.read_some()) {
    }
  }
  static rondo::task<> write(std::shared_ptr<h2_end> e) { co_await e->connection.write(); }
  static std::shared_ptr<h2_end> started(http2::http2_role role, tcp_stream s,
                                         const http2::http2_settings& settings) {
    auto e = std::make_shared<h2_end>(role, std::move(s), settings);
    rondo::detail::this_core().run_service(read(e));
    rondo::detail::this_core().run_service(write(e));
    return e;
  }
  http2::http2_session& session() { return connection.session(); }

  http2::transport stream;
  http2::plain_http2_connection connection;
};

// With windows of this size for what the server sends and for what it takes.
inline rondo::task<both_ends> connected_over_http2(rondo::http::websocket_options o,
                                                   std::uint32_t window = 64 * 1024) {
  http2::http2_settings settings;
  settings.extended_connect = true;
  settings.stream_window = window;
  auto [near, far] = co_await tcp_ends();
  const auto client = h2_end::started(http2::http2_role::client, std::move(near), settings);
  const auto server = h2_end::started(http2::http2_role::server, std::move(far), settings);
  http2::http2_stream_ref asks = client->session().open(h2_connect("/"), false);
  while (!server->session().has_arrived()) {
    server->session().changed.clear();
    co_await server->session().changed.wait();
  }
  http2::http2_stream_ref answers = server->session().accept();
  http2::http2_head taken;
  taken.status = 200;
  answers->send_head(taken, false);
  co_await h2_client::until_head(*asks);
  using rondo::net::any_stream;
  co_return ends_over(any_stream(http2::http2_tunnel(std::move(asks), rondo::net::endpoint())),
                      any_stream(http2::http2_tunnel(std::move(answers), rondo::net::endpoint())),
                      o);
}

}  // namespace rondo_test
