// What a server allows its clients.
//
//   http::server s(http::server_options().idle_timeout(30s).max_body(1 << 20));
#pragma once

#include <rondo/http/limits.hpp>
#include <rondo/http/trusted_proxies.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace rondo::http {

// Every setter returns the object itself.
struct server_options {
  // Connections at a time. 10,000.
  server_options& max_connections(rondo::detail::amount n) {
    max_connections_ = n;
    return *this;
  }
  // For a request's head, from its first byte: else 408. 60 s.
  template <class Rep, class Period>
  server_options& header_timeout(std::chrono::duration<Rep, Period> d) {
    header_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // Between two requests, and between two reads of a body. 75 s.
  template <class Rep, class Period>
  server_options& idle_timeout(std::chrono::duration<Rep, Period> d) {
    idle_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // A response of which the system takes nothing for so long, because the client does not read,
  // ends its connection with a reset. Over TCP a client is still reading when it has acknowledged
  // something in the last quarter of that time. Up to a quarter later when other writes came
  // before. 60 s.
  template <class Rep, class Period>
  server_options& write_timeout(std::chrono::duration<Rep, Period> d) {
    write_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // What a client may make us hold; the body limit (8 MiB) is for text().
  server_options& limits(const parser_limits& l) {
    limits_ = l;
    return *this;
  }
  server_options& max_body(rondo::detail::amount bytes) {
    max_body_ = bytes;
    return *this;
  }

  // Which proxies stand before the server, and how they say whom they ask for. None.
  server_options& trust(trusted_proxies proxies) {
    trusted_ = std::make_shared<const trusted_proxies>(std::move(proxies));
    return *this;
  }

  std::shared_ptr<const trusted_proxies> trusted_;  // null: none
  std::size_t max_connections_ = 10'000;
  rondo::detail::nanoseconds header_timeout_ = std::chrono::seconds(60);
  rondo::detail::nanoseconds idle_timeout_ = std::chrono::seconds(75);
  rondo::detail::nanoseconds write_timeout_ = std::chrono::seconds(60);
  std::uint64_t max_body_ = std::uint64_t{8} << 20;
  parser_limits limits_;
};

}  // namespace rondo::http
