// serve: accepts connections and runs a handler for each, side by side.
//
//   co_await serve(tcp_listener::bind(endpoint::parse("127.0.0.1:0")),
//                  [](tcp_stream s) -> task<> { … });
#pragma once

#include <rondo/net/tcp.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstddef>

namespace rondo::net {

struct serve_options {
  // Connections at a time; more wait in the listener's backlog.
  serve_options& max_connections(std::size_t n) {
    max_connections_ = n;
    return *this;
  }
  std::size_t max_connections_ = 10'000;
};

namespace detail {

// How long accept rests when the process or the system has no descriptor or memory left for one more.
inline constexpr auto accept_rest = std::chrono::milliseconds(50);

// The next connection; waits out what passes: no descriptors left, a peer gone before it was accepted.
task<tcp_stream> accept_patiently(tcp_listener& listener);

template <class Handler>
task<> serve_one(Handler& handler, tcp_stream stream, event& one_ended) {
  struct at_end {
    event& e;
    ~at_end() { e.set(); }
  } const tell{one_ended};
  try {
    co_await handler(std::move(stream));
  } catch (...) {
    this_loop().unhandled(
        std::current_exception());  // one connection's failure is not the server's
  }
}

}  // namespace detail

// Serves until cancelled, or until the listener fails (std::system_error). What a handler throws goes to
// on_unhandled. Cancelled: stops accepting, cancels the handlers and waits for them.
template <class Handler>
task<> serve(tcp_listener listener, Handler handler, serve_options options = {}) {
  event one_ended;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (;;) {
      while (g.size() >= options.max_connections_) {
        one_ended.clear();
        co_await one_ended.wait();
      }
      g.spawn(detail::serve_one<Handler>(handler, co_await detail::accept_patiently(listener),
                                         one_ended));
    }
  });
}

}  // namespace rondo::net
