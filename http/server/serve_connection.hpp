// The task of one connection of a server, from its first byte, or its handshake, to its end.
// Internal.
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/http/server/serving.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/runtime/task.hpp>

namespace rondo::http::detail {

// They are children of the serving's group. A failure of one is not the server's: it goes to
// on_unhandled.
task<> serve_plain(serving::place place, plain_stream stream);
task<> serve_secure(serving::place place, plain_stream stream, net::tls_context context);
task<> serve_other(serving::place place, net::any_stream stream);

}  // namespace rondo::http::detail
