// Fields that are of one connection and no message: what a proxy does not pass on (RFC 9110,
// section 7.6.1).
//
//   http::headers onwards = http::without_hop_by_hop(r.headers());
#pragma once

#include <rondo/http/headers.hpp>

#include <string_view>

namespace rondo::http {

// Connection, Keep-Alive, Proxy-Authenticate, Proxy-Authorization, Proxy-Authentication-Info,
// Proxy-Connection, TE, Trailer, Transfer-Encoding and Upgrade.
[[nodiscard]] bool is_hop_by_hop(std::string_view name) noexcept;

// The fields without those, and without the fields that a Connection field names. Host,
// Content-Length and Expect stay: they are the message's, though rondo's client writes its own.
[[nodiscard]] headers without_hop_by_hop(const headers& fields);

}  // namespace rondo::http
