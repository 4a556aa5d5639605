// Opens the way to where a request goes: directly, to a proxy or through one, or over a Unix
// socket. Internal.
#pragma once

#include <rondo/http/client/connection.hpp>
#include <rondo/http/guard.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace rondo::http::detail {

class exchange;

// How a request gets to its origin.
struct route {
  const http::url* proxy = nullptr;  // null: directly
  bool tunnel = false;               // by CONNECT

  // What must not be mixed in the pool: a part of `target`, or made in `room`. `identity`: of the
  // TLS context; 0 without TLS.
  [[nodiscard]] std::string_view key(const http::url& target, std::uint64_t identity,
                                     std::string& room) const;
  // The request goes to the proxy itself, which reads it.
  [[nodiscard]] bool proxy_reads() const noexcept { return proxy && !tunnel; }
};

// "Basic …" from a proxy's URL; empty when that has no userinfo.
[[nodiscard]] std::string proxy_authorization(const http::url& proxy);

// A connection to the origin of the exchange's URL by its route. Throws connect_error (resolve,
// connect, proxy), protocol_error.
task<plain_stream> dial(exchange& e);

// TLS over it, with the origin. Throws tls_error, timeout_error (tls), connect_error (tls).
task<transport> secure(exchange& e, plain_stream stream);

}  // namespace rondo::http::detail
