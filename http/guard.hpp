// Which addresses a client may connect to: against requests that are forged to reach inside a
// network (SSRF).
//
//   http::client c(http::client_options().guard(http::public_addresses_only()));
//
// A name says nothing about where it leads. So the guard decides on each resolved address, in the
// moment before it is connected to, again for each redirect and each attempt; what it refuses is
// not connected to.
#pragma once

#include <rondo/net/endpoint.hpp>

#include <memory>
#include <utility>

namespace rondo::http {

// Derive from it to decide by yourself.
class address_guard {
 public:
  address_guard() = default;
  address_guard(const address_guard&) = delete;
  address_guard& operator=(const address_guard&) = delete;
  virtual ~address_guard() = default;
  // False: this address is not connected to. It is asked in the loop and must not wait; what it
  // throws, the request throws.
  virtual bool allows(const net::endpoint& to) = 0;
};

namespace detail {

template <class Fn>
class function_guard final : public address_guard {
 public:
  explicit function_guard(Fn fn) : fn_(std::move(fn)) {}
  bool allows(const net::endpoint& to) override { return fn_(to); }

 private:
  Fn fn_;
};

}  // namespace detail

// A guard from a callable: (const net::endpoint&) -> bool.
template <class Fn>
std::shared_ptr<address_guard> make_guard(Fn fn) {
  return std::make_shared<detail::function_guard<Fn>>(std::move(fn));
}

// Whether an address is one of the public internet: by IANA's special-purpose registries (RFC 6890)
// it is not private, shared, loopback, link-local, multicast, reserved, for documentation or
// benchmarks. An IPv6 address that carries an IPv4 one (mapped, RFC 6052) is what that one is; 6to4
// and Teredo are not.
[[nodiscard]] bool is_public_address(const net::address& a) noexcept;

// A guard that refuses what is no address of the public internet: loopback, private, link-local and
// other special ones.
std::shared_ptr<address_guard> public_addresses_only();

}  // namespace rondo::http
