#include <rondo/net/address.hpp>

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace rondo::net {

address address::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
  address r;
  r.bytes_ = {a, b, c, d};
  return r;
}

address address::v6(const std::array<std::uint8_t, 16>& bytes, std::uint32_t zone) noexcept {
  address r;
  r.v6_ = true;
  r.bytes_ = bytes;
  r.zone_ = zone;
  return r;
}

address address::loopback_v6() noexcept {
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = 1;
  return v6(bytes);
}

bool address::try_parse(std::string_view text, address& out) noexcept {
  std::array<char, INET6_ADDRSTRLEN + IF_NAMESIZE + 1> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return false;
  std::ranges::copy(text, copy.begin());
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, copy.data(), bytes.data()) == 1) {
    out = v4(bytes[0], bytes[1], bytes[2], bytes[3]);
    return true;
  }
  std::uint32_t zone = 0;
  if (const std::size_t percent = text.find('%'); percent != std::string_view::npos) {
    const std::string_view name = text.substr(percent + 1);
    if (name.empty()) return false;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), zone);
    if (error != std::errc() || end != name.data() + name.size()) {
      zone = if_nametoindex(copy.data() + percent + 1);
      if (zone == 0) return false;
    }
    copy[percent] = '\0';
  }
  if (inet_pton(AF_INET6, copy.data(), bytes.data()) != 1) return false;
  out = v6(bytes, zone);
  return true;
}

address address::parse(std::string_view text) {
  address r;
  if (!try_parse(text, r))
    throw std::invalid_argument("not an IP address: \"" + std::string(text) + "\"");
  return r;
}

bool address::is_loopback() const noexcept {
  return v6_ ? bytes_ == loopback_v6().bytes_ : bytes_[0] == 127;
}

bool address::is_unspecified() const noexcept {
  return std::ranges::all_of(bytes_, [](std::uint8_t b) { return b == 0; });
}

std::string address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
  std::string r = text.data();
  if (zone_ != 0) {
    std::array<char, IF_NAMESIZE> name{};
    r += '%';
    r += if_indextoname(zone_, name.data()) ? std::string(name.data()) : std::to_string(zone_);
  }
  return r;
}

}  // namespace rondo::net
