// A client straight into a server: no socket, no port, on every reactor. For tests.
//
//   http::server s;
//   s.route("GET", "/hello", hello);
//   co_await http::with_test_client(s, [](http::client& c) -> task<> {
//     http::response r = co_await c.get("http://test/hello");
//     use(co_await r.text());
//   });
//
// Client and server are the usual ones, with all of HTTP between them, over a stream in memory.
// Whatever host a URL names, this server answers; https is a url_error. The client's address is
// 0.0.0.0:0.
#pragma once

#include <rondo/http/client.hpp>
#include <rondo/http/client_options.hpp>
#include <rondo/http/server.hpp>
#include <rondo/runtime/task_group.hpp>

#include <memory>
#include <utility>

namespace rondo::http {

namespace detail {

// Each connection is served in `g`. Both outlive it.
std::shared_ptr<connector> into_server(server& s, task_group& g);

}  // namespace detail

// Runs body(client&) -> task<>, and serves what it asks for. When it has ended, connections are cut
// and the handlers that still run are cancelled. Throws what the body throws, and as
// client_options.
template <class Body>
task<> with_test_client(server& s, Body body, client_options options = {}) {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    client c(std::move(options.connector(detail::into_server(s, g))));
    co_await body(c);
    c.close_idle();
    g.cancel();
  });
}

}  // namespace rondo::http
