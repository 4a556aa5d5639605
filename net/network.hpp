// A range of IP addresses, as whom to trust is written down.
//
//   const auto inside = net::network::parse("10.0.0.0/8");
//   if (inside.contains(peer.ip())) …
#pragma once

#include <rondo/net/address.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::net {

class network {
 public:
  // "10.0.0.0/8", "2001:db8::/32"; an address alone is a network of its own. Throws
  // std::invalid_argument that quotes the text: also when a bit behind the prefix is set, which is
  // mostly a slip, and for a zone.
  static network parse(std::string_view text);
  explicit network(const address& a) noexcept : first_(a), bits_(a.is_v4() ? 32 : 128) {}

  // An IPv4 address mapped to IPv6 (::ffff:10.0.0.1), as a listener of both families names it,
  // counts as the IPv4 address that it is. A zone does not count.
  bool contains(const address& a) const noexcept;
  std::string to_string() const { return first_.to_string() + '/' + std::to_string(bits_); }

  friend bool operator==(const network&, const network&) noexcept = default;

 private:
  address first_;
  unsigned bits_;
};

}  // namespace rondo::net
