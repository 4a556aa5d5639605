// IP addresses.
#pragma once

#include <rondo/version.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr;

namespace rondo::net {

// Of which kind an address is to be.
enum class address_family : std::uint8_t { any, v4, v6 };

// An IPv4 or IPv6 address, the latter with its zone (RFC 4007).
class address {
 public:
  // 0.0.0.0
  address() noexcept = default;
  static address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept;
  static address v6(const std::array<std::uint8_t, 16>& bytes, std::uint32_t zone = 0) noexcept;
  static address loopback_v4() noexcept { return v4(127, 0, 0, 1); }
  static address loopback_v6() noexcept;

  // "127.0.0.1", "::1", "fe80::1%eth0" or "fe80::1%2". Throws std::invalid_argument that quotes the
  // text.
  static address parse(std::string_view text);
  // The same, false instead of throwing.
  static bool try_parse(std::string_view text, address& out) noexcept;

  bool is_v4() const noexcept { return !v6_; }
  bool is_v6() const noexcept { return v6_; }
  bool is_loopback() const noexcept;
  bool is_unspecified() const noexcept;
  // Network order; the first four count for IPv4.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  std::uint32_t zone() const noexcept { return zone_; }
  // RFC 5952 for IPv6.
  std::string to_string() const;

  friend bool operator==(const address&, const address&) noexcept = default;
  friend auto operator<=>(const address&, const address&) noexcept = default;

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
  std::uint32_t zone_ = 0;
};

}  // namespace rondo::net
