#include <rondo/http/guard.hpp>

#include <array>
#include <cstdint>

namespace rondo::http {
namespace {

struct network {
  std::uint32_t address;
  int bits;
};

constexpr std::uint32_t ip(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array<network, 16> not_public_v4{{
    {ip(0, 0, 0, 0), 8},        // this network
    {ip(10, 0, 0, 0), 8},       // private
    {ip(100, 64, 0, 0), 10},    // shared, of carriers
    {ip(127, 0, 0, 0), 8},      // loopback
    {ip(169, 254, 0, 0), 16},   // link-local; cloud metadata
    {ip(172, 16, 0, 0), 12},    // private
    {ip(192, 0, 0, 0), 24},     // protocol assignments
    {ip(192, 0, 2, 0), 24},     // documentation
    {ip(192, 31, 196, 0), 24},  // AS112
    {ip(192, 88, 99, 0), 24},   // 6to4 relays
    {ip(192, 168, 0, 0), 16},   // private
    {ip(198, 18, 0, 0), 15},    // benchmarks
    {ip(198, 51, 100, 0), 24},  // documentation
    {ip(203, 0, 113, 0), 24},   // documentation
    {ip(224, 0, 0, 0), 4},      // multicast
    {ip(240, 0, 0, 0), 4},      // reserved, broadcast
}};

bool is_public_v4(std::uint32_t a) noexcept {
  for (const network& n : not_public_v4)
    if (a >> (32 - n.bits) == n.address >> (32 - n.bits)) return false;
  return true;
}

std::uint32_t four(const std::array<std::uint8_t, 16>& b, std::size_t at) noexcept {
  return ip(b[at], b[at + 1], b[at + 2], b[at + 3]);
}

bool is_public_v6(const std::array<std::uint8_t, 16>& b) noexcept {
  const std::uint32_t first = four(b, 0);
  const bool zero_4_to_10 = four(b, 4) == 0 && b[8] == 0 && b[9] == 0;
  if (first == 0 && zero_4_to_10 && b[10] == 0xff && b[11] == 0xff)  // ::ffff:0:0/96
    return is_public_v4(four(b, 12));
  if (first == 0x0064ff9b && four(b, 4) == 0 && four(b, 8) == 0)  // 64:ff9b::/96, RFC 6052
    return is_public_v4(four(b, 12));
  if (first >> 29 != 1) return false;               // 2000::/3 is all there is
  if (first >> 9 == 0x20010000 >> 9) return false;  // 2001::/23: Teredo and other protocols
  if (first == 0x20010db8) return false;            // documentation
  if (first >> 16 == 0x2002) return false;          // 6to4
  return first >> 12 != 0x3fff0;                    // documentation
}

}  // namespace

bool is_public_address(const net::address& a) noexcept {
  return a.is_v4() ? is_public_v4(four(a.bytes(), 0)) : is_public_v6(a.bytes());
}

std::shared_ptr<address_guard> public_addresses_only() {
  return make_guard(
      [](const net::endpoint& to) { return to.is_ip() && is_public_address(to.ip()); });
}

}  // namespace rondo::http
