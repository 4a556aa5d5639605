// The PROXY protocol's header, versions 1 and 2, at the beginning of a connection (haproxy's
// doc/proxy-protocol.txt). Internal.
//
//   std::string so_far;
//   for (;;) {
//     const proxy_header h = read_proxy_header(so_far);   // throws protocol_error
//     if (h.complete) break;
//     … read at most h.wants bytes more, so that none behind the header is taken …
//   }
#pragma once

#include <rondo/net/endpoint.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace rondo::http::detail {

// A header of version 1 ends within 107 bytes; one of version 2 may say 65,535, of which we take as
// many as hold an address and some words about TLS.
inline constexpr std::size_t proxy_v1_bytes = 107;
inline constexpr std::size_t proxy_v2_bytes = 4096;

struct proxy_header {
  bool complete = false;
  std::size_t wants = 0;  // while it is not: so many bytes belong to it, at least
  // Who asked the proxy. Nothing when the proxy speaks for itself (LOCAL), or does not say
  // (UNKNOWN, another family than IP over TCP): then the connection's own peer counts.
  std::optional<net::endpoint> source{};
};

// Of what has come so far. The verdict is the same however the bytes come. Throws protocol_error
// that says what is wrong with it.
proxy_header read_proxy_header(std::string_view so_far);

}  // namespace rondo::http::detail
