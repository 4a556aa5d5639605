// Connecting through a SOCKS5 proxy (RFC 1928), with a user and a password if it wants them (RFC
// 1929, which sends both in the clear).
//
//   net::tcp_stream s = co_await net::connect_by_socks("127.0.0.1", 1080, "example.org", 80);
//
// The proxy looks the name up, so that this machine asks nobody about it; resolve_here() does it
// here.
#pragma once

#include <rondo/net/parts/socks_client.hpp>
#include <rondo/net/socks_error.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/runtime/task.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace rondo::net {

// Every setter returns the object itself.
struct socks_options {
  // 1 to 255 bytes each. Given to a proxy that asks for them.
  socks_options& login(std::string user, std::string password) {
    login_ = {.user = std::move(user), .password = std::move(password)};
    return *this;
  }
  // Names are looked up on this machine, and the first address is asked for. False.
  socks_options& resolve_here(bool yes = true) noexcept {
    resolve_here_ = yes;
    return *this;
  }
  // How connect_by_socks connects to the proxy; its resolver serves resolve_here, too.
  socks_options& connecting(connect_options o) {
    connecting_ = std::move(o);
    return *this;
  }

  std::optional<detail::socks_login> login_;
  bool resolve_here_ = false;
  connect_options connecting_;
};

namespace detail {
// What the proxy is asked for.
task<std::string> socks_target(std::string host, std::uint16_t port, bool resolve_here,
                               std::shared_ptr<name_source> names);

template <byte_stream S>
task<> read_wanted(S& stream, std::span<std::byte> into, const socks_client& c) {
  while (!into.empty()) {
    const std::size_t n = co_await stream.read_some(into);
    if (n == 0) c.ended();
    into = into.subspan(n);
  }
}
}  // namespace detail

// Makes `stream`, which leads to a proxy, one that leads to `host` and `port`: a name, or an
// address as text. Gives where the proxy connected from (0.0.0.0:0 when it gave a name). Reads no
// byte beyond the proxy's reply. Throws socks_error; resolve_error; what the stream throws;
// std::invalid_argument for a host, user or password of no bytes or more than 255. Cancelled, or
// failed: the stream is of no more use.
template <byte_stream S>
task<endpoint> socks_handshake(S& stream, std::string host, std::uint16_t port,
                               socks_options options = {}) {
  std::string target = co_await detail::socks_target(std::move(host), port, options.resolve_here_,
                                                     options.connecting_.resolver_);
  detail::socks_client c(std::move(target), port, std::move(options.login_));
  std::array<std::byte, detail::socks_client::longest_read> buffer{};
  while (c.wanted() > 0) {
    const auto out = c.take_output();
    if (!out.empty()) co_await stream.write_all(std::span<const std::byte>(out));
    const std::span<std::byte> part = std::span(buffer).first(c.wanted());
    co_await detail::read_wanted(stream, part, c);
    c.take(part);
  }
  co_return c.bound();
}

// A connection to `host` and `port` through the proxy. Throws as tcp_stream::connect does for the
// proxy, and as socks_handshake. No limit of time of its own beyond connecting(): wrap it in
// timeout(). Cancelled: nothing stays open.
task<tcp_stream> connect_by_socks(std::string proxy, std::uint16_t proxy_port, std::string host,
                                  std::uint16_t port, socks_options options = {});

}  // namespace rondo::net
