// A handler of a WebSocket that throws, in its coroutine or, where it is none, at the call: its
// client hears 1011, and on_unhandled what was thrown, over whichever version the client speaks.
#pragma once

#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

namespace rondo_test {

// Over TLS, where the server is given a context for it.
inline void expect_1011_of_who_throws(rondo::reactor_kind reactor,
                                      const rondo::http::client_options& o,
                                      std::optional<rondo::net::tls_context> tls = {}) {
  using namespace rondo;
  int reported = 0;
  run_options options = options_for(reactor);
  options.on_unhandled([&](const std::exception_ptr&) { ++reported; });
  loop_watch watch;
  run_with(options, watch, [&]() -> task<> {
    http::server server;
    server.websocket("/", [](http::websocket& ws) -> task<> {
      (void)co_await ws.receive();
      throw std::runtime_error("the handler's own");
    });
    server.websocket("/call",
                     [](http::websocket&) -> task<> { throw std::runtime_error("no coroutine"); });
    tcp_listener listener = listen_here();
    const std::string origin = (tls ? "wss://" : "ws://") + listener.local_endpoint().to_string();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] {
        return tls ? server.serve(std::move(listener), *tls) : server.serve(std::move(listener));
      });
      http::client c(o);
      for (const std::string path : {"/", "/call"}) {
        http::websocket ws = co_await c.websocket(origin + path);
        if (path == "/") co_await ws.send("go");
        EXPECT_FALSE(co_await ws.receive());
        EXPECT_EQ(ws.close_code(), 1011);
      }
      g.cancel();
    });
  });
  EXPECT_EQ(reported, 2);
}

}  // namespace rondo_test
