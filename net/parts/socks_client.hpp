// The client's side of a SOCKS5 handshake (RFC 1928, RFC 1929) as a machine without I/O: it says
// what to send and how many bytes to read next, never one too many, because what follows them is
// the target's. Internal.
//
//   send greeting ──► method ──► (send password ──► verdict) ──► send request ──► reply ──► bound
#pragma once

#include <rondo/net/endpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace rondo::net::detail {

struct socks_login {
  std::string user;
  std::string password;
};

class socks_client {
 public:
  // Throws std::invalid_argument for a name, a user or a password that the protocol has no room
  // for.
  socks_client(std::string host, std::uint16_t port, std::optional<socks_login> login);

  // What to send now, once; empty: nothing.
  std::vector<std::byte> take_output() noexcept { return std::exchange(output_, {}); }
  // How many bytes to read next; 0: it is done.
  std::size_t wanted() const noexcept { return wanted_; }
  // Exactly those. Throws socks_error.
  void take(std::span<const std::byte> bytes);
  // The proxy closed the connection.
  [[noreturn]] void ended() const;
  // Where the proxy connected from, once it is done; empty when it gave a name.
  const endpoint& bound() const noexcept { return bound_; }

  // The longest that wanted() is.
  static constexpr std::size_t longest_read = 257;

 private:
  enum class expects : std::uint8_t { method, verdict, reply, name_length, address, nothing };

  void take_method(std::span<const std::byte> bytes);
  void take_verdict(std::span<const std::byte> bytes);
  void take_reply(std::span<const std::byte> bytes);
  void take_address(std::span<const std::byte> bytes);
  void send_login();
  void send_request();
  void expect(expects what, std::size_t n) noexcept {
    next_ = what;
    wanted_ = n;
  }

  std::string host_;
  std::uint16_t port_;
  std::optional<socks_login> login_;
  std::vector<std::byte> output_;
  expects next_ = expects::method;
  std::size_t wanted_ = 2;
  std::uint8_t address_kind_ = 0;
  endpoint bound_;
};

}  // namespace rondo::net::detail
