// What the connections of a server share. Internal.
#pragma once

#include <rondo/http/server/routing.hpp>
#include <rondo/http/server_options.hpp>

namespace rondo::http::detail {

struct server_state {
  server_options options;
  detail::routing routing;
};

}  // namespace rondo::http::detail
