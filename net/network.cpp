#include <rondo/net/network.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <stdexcept>

namespace rondo::net {
namespace {

// The address itself, or the IPv4 one that it stands for (RFC 4291, section 2.5.5.2).
address unmapped(const address& a) noexcept {
  static constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& b = a.bytes();
  if (a.is_v4() || !std::equal(prefix.begin(), prefix.end(), b.begin())) return a;
  return address::v4(b[12], b[13], b[14], b[15]);
}

std::uint8_t mask_of(unsigned bits) noexcept { return static_cast<std::uint8_t>(0xff00U >> bits); }

}  // namespace

network network::parse(std::string_view text) {
  const auto refuse = [text](const char* why) {
    throw std::invalid_argument("not a network: \"" + std::string(text) + "\": " + why);
  };
  const std::size_t slash = text.find('/');
  address a;
  if (!address::try_parse(text.substr(0, slash), a) || a.zone() != 0)
    refuse("what stands before the \"/\" is no IP address without a zone");
  network n(a);
  if (slash == std::string_view::npos) return n;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > n.bits_)
    refuse("what follows the \"/\" is no number of bits");
  const std::size_t whole = bits / 8;
  for (std::size_t i = whole; i < a.bytes().size(); ++i) {
    const std::uint8_t mask = i == whole ? mask_of(bits % 8) : std::uint8_t{0};
    if ((a.bytes()[i] & ~mask & 0xff) != 0) refuse("a bit behind the prefix is set");
  }
  n.bits_ = bits;
  return n;
}

bool network::contains(const address& other) const noexcept {
  const address a = first_.is_v4() ? unmapped(other) : other;
  if (a.is_v4() != first_.is_v4()) return false;
  const std::size_t whole = bits_ / 8;
  const std::span<const std::uint8_t> mine(first_.bytes());
  const std::span<const std::uint8_t> its(a.bytes());
  if (!std::ranges::equal(mine.first(whole), its.first(whole))) return false;
  if (bits_ % 8 == 0) return true;
  return ((mine[whole] ^ its[whole]) & mask_of(bits_ % 8)) == 0;
}

}  // namespace rondo::net
