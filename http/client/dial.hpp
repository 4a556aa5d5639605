// How a connection to an origin is opened: directly, by a proxy or through one, or over a Unix
// socket. Internal.
#pragma once

#include <rondo/http/client/exchange_context.hpp>
#include <rondo/http/client/pool.hpp>
#include <rondo/http/client/route.hpp>
#include <rondo/http/guard.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/runtime/task.hpp>

namespace rondo::http::detail {

// What a client has set for all of its connections, and keeps.
struct dial_options {
  const net::endpoint* unix_socket;     // where all go; null: where the URL says
  const net::connect_options* sockets;  // null: as TCP connects by itself
  address_guard* guard;                 // null: none
  const parser_limits& limits;          // for a proxy's answer
};

// A connection to the origin of the exchange's URL. Throws connect_error (resolve, connect, proxy),
// protocol_error.
task<plain_stream> dial(exchange_context& e, const route& way, dial_options how);

// TLS over it, with the origin. Throws tls_error, also when what was agreed on is not spoken;
// timeout_error (tls), connect_error (tls).
task<transport> secure(exchange_context& e, plain_stream stream, net::tls_context identity,
                       speaks how);
bool agreed_on_http_2(const transport& t) noexcept;

}  // namespace rondo::http::detail
