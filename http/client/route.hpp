// The way of a request to its origin: straight there, by a proxy or through one. Internal.
#pragma once

#include <rondo/http/proxy.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::http::detail {

// How a request gets to its origin.
struct route {
  const http::url* proxy = nullptr;  // null: directly
  bool tunnel = false;               // by CONNECT or SOCKS5
  proxy_kind speaks = proxy_kind::http;

  // What must not be mixed in the pool: a part of `target`, or made in `room`. `identity`: of the
  // TLS context; 0 without TLS.
  [[nodiscard]] std::string_view key(const http::url& target, std::uint64_t identity,
                                     std::string& room) const;
  // The request goes to the proxy itself, which reads it.
  [[nodiscard]] bool proxy_reads() const noexcept { return proxy && !tunnel; }
};

// "Basic …" from a proxy's URL; empty when that has no userinfo.
[[nodiscard]] std::string proxy_authorization(const http::url& proxy);

}  // namespace rondo::http::detail
