// Where a socket is or connects to: an IP address and port, or a Unix name.
#pragma once

#include <rondo/net/address.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace rondo::net {

// An address and a port, or the name of a Unix socket.
class endpoint {
 public:
  // 0.0.0.0:0
  endpoint() noexcept = default;
  endpoint(address a, std::uint16_t port) noexcept : kind_(kind::ip), address_(a), port_(port) {}

  // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/path", "unix:@name" (abstract). Throws
  // std::invalid_argument that quotes the text and says what is wrong with it.
  static endpoint parse(std::string_view text);
  // At most 107 bytes (unix(7)); a leading '@' means an abstract name, which may hold any bytes; a
  // path holds no NUL. Throws std::invalid_argument that names the path.
  static endpoint unix_path(std::string path);

  bool is_ip() const noexcept { return kind_ == kind::ip; }
  bool is_unix() const noexcept { return kind_ == kind::unix_name; }
  const address& ip() const noexcept { return address_; }
  // 0 for a Unix name.
  std::uint16_t port() const noexcept { return port_; }
  // With a leading '@' for an abstract name; empty for an unnamed socket and for IP.
  const std::string& path() const noexcept { return path_; }
  // As parse takes it.
  std::string to_string() const;

  // AF_INET, AF_INET6 or AF_UNIX.
  int family() const noexcept;
  // Writes the system's form and returns its length.
  unsigned to_sockaddr(sockaddr_storage& out) const noexcept;
  static endpoint from_sockaddr(const sockaddr* name, unsigned size);

  friend bool operator==(const endpoint&, const endpoint&) noexcept = default;
  friend auto operator<=>(const endpoint&, const endpoint&) noexcept = default;

 private:
  enum class kind : std::uint8_t { ip, unix_name };
  kind kind_ = kind::ip;
  address address_;
  std::uint16_t port_ = 0;
  std::string path_;
};

}  // namespace rondo::net

template <>
struct std::hash<rondo::net::endpoint> {
  std::size_t operator()(const rondo::net::endpoint& e) const noexcept;
};
