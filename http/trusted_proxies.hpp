// Whose word a server takes for who its client is.
//
//   http::server s(http::server_options().trust(http::trusted_proxies()
//                                                   .from("10.0.0.0/8")
//                                                   .told_by(http::forwarding::x_forwarded_for)));
//   … r.client() …       // the address that asked the outermost trusted proxy
//
// What a client writes into these fields is a claim. So they count only as far as a chain of
// trusted addresses leads: from the connection's own peer, the last entry first, to the first
// address that is not trusted, which is the client. And only the field counts that the proxies are
// known to write: one that they merely pass on is the client's.
#pragma once

#include <rondo/net/endpoint.hpp>
#include <rondo/net/network.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace rondo::http {

// The field in which proxies say whom they ask for.
enum class forwarding : std::uint8_t {
  none,
  forwarded,        // Forwarded: for=192.0.2.1;proto=https  (RFC 7239)
  x_forwarded_for,  // X-Forwarded-For: 192.0.2.1, 10.0.0.2
};

// Every setter returns the object itself.
class trusted_proxies {
 public:
  // "10.0.0.0/8", "::1" (net::network::parse); "unix" for whoever comes over a Unix socket. Throws
  // std::invalid_argument.
  trusted_proxies& from(std::string_view text) & {
    if (text == "unix")
      unix_ = true;
    else
      networks_.push_back(net::network::parse(text));
    return *this;
  }
  trusted_proxies&& from(std::string_view text) && { return std::move(from(text)); }
  trusted_proxies& told_by(forwarding f) & noexcept {
    field_ = f;
    return *this;
  }
  trusted_proxies&& told_by(forwarding f) && noexcept { return std::move(told_by(f)); }
  // A connection from a trusted address begins with the PROXY protocol, version 1 or 2 (haproxy's
  // proxy-protocol.txt), before TLS if there is any; one that does not, within `limit`, is closed
  // and reported to on_unhandled. Others' connections are what they are: their bytes are never
  // looked at for it. No.
  template <class Rep = std::int64_t, class Period = std::ratio<1>>
  trusted_proxies& proxy_protocol(
      bool on = true, std::chrono::duration<Rep, Period> limit = std::chrono::seconds(5)) & {
    protocol_ = on;
    limit_ = rondo::detail::saturate(limit);
    return *this;
  }
  template <class Rep = std::int64_t, class Period = std::ratio<1>>
  trusted_proxies&& proxy_protocol(
      bool on = true, std::chrono::duration<Rep, Period> limit = std::chrono::seconds(5)) && {
    return std::move(proxy_protocol(on, limit));
  }

  bool trusts(const net::endpoint& peer) const noexcept {
    if (peer.is_unix()) return unix_;
    for (const net::network& n : networks_)
      if (n.contains(peer.ip())) return true;
    return false;
  }
  forwarding field() const noexcept { return field_; }
  bool speaks_proxy_protocol() const noexcept { return protocol_; }
  rondo::detail::nanoseconds proxy_protocol_limit() const noexcept { return limit_; }

 private:
  std::vector<net::network> networks_;
  rondo::detail::nanoseconds limit_ = std::chrono::seconds(5);
  forwarding field_ = forwarding::none;
  bool unix_ = false;
  bool protocol_ = false;
};

}  // namespace rondo::http
