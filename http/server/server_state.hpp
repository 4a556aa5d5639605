// What the connections of a server share. Internal.
#pragma once

#include <rondo/http/server/routing.hpp>
#include <rondo/http/server_options.hpp>

#include <string>

namespace rondo::http::detail {

struct server_state {
  explicit server_state(server_options o);

  server_options options;
  // What a client is told of a connection that is kept (Connection, Keep-Alive), with line ends.
  std::string kept;
  detail::routing routing;
};

}  // namespace rondo::http::detail
