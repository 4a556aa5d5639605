// What the connections of a server share. Internal.
#pragma once

#include <rondo/http/server/router.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/http/server_options.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rondo::http::detail {

// A handler with its type erased.
struct any_handler {
  any_handler() = default;
  any_handler(const any_handler&) = delete;
  any_handler& operator=(const any_handler&) = delete;
  virtual ~any_handler() = default;
  virtual task<server_response> call(server_request& r) = 0;
};

template <class Handler>
struct typed_handler final : any_handler {
  explicit typed_handler(Handler h) : handler(std::move(h)) {}
  task<server_response> call(server_request& r) override { return handler(r); }
  Handler handler;
};

struct server_state {
  explicit server_state(server_options o);

  server_options options;
  // What a client is told of a connection that is kept (Connection, Keep-Alive), with line ends.
  std::string kept;
  router routes;
  std::vector<std::unique_ptr<any_handler>> handlers;  // by the numbers that routes give
};

}  // namespace rondo::http::detail
