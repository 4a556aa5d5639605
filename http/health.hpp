// Pages for whoever looks after the process: is it alive, and does it want requests?
//
//   s.route("GET", "/livez", http::alive_page());
//   s.route("GET", "/readyz", http::ready_page([&] { return database.is_connected(); }));
//
// Alive is whoever answers: a loop that is stuck does not. Ready is who can serve: a balancer sends
// nobody to a server that says 503 and lets those finish that are there, so a stop says it first.
#pragma once

#include <rondo/http/server_messages.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>
#include <utility>

namespace rondo::http {

// 200 "alive".
class alive_page {
 public:
  task<server_response> operator()(server_request& r) const;
};

// 200 "ready" or 503 "not ready", as `ready`, () -> bool, says in this moment.
template <class Ready>
class ready_page {
 public:
  // `ready` is asked for each request, and must not wait.
  explicit ready_page(Ready ready) : ready_(std::move(ready)) {}
  task<server_response> operator()(server_request&) {
    const bool is_ready = ready_();
    co_return server_response::text(is_ready ? "ready\n" : "not ready\n", is_ready ? 200 : 503)
        .header("Cache-Control", "no-store");
  }

 private:
  Ready ready_;
};

}  // namespace rondo::http
