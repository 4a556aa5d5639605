#include <rondo/http/websocket/sha1.hpp>

#include <bit>
#include <cstdint>
#include <cstring>

namespace rondo::http::detail {
namespace {

constexpr std::size_t block_bytes = 64;

struct sha1_state {
  std::array<std::uint32_t, 5> h{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};

  void take(const unsigned char* block) noexcept {
    std::array<std::uint32_t, 80> w;
    for (std::size_t t = 0; t < 16; ++t)
      w[t] = static_cast<std::uint32_t>(block[4 * t]) << 24 |
             static_cast<std::uint32_t>(block[4 * t + 1]) << 16 |
             static_cast<std::uint32_t>(block[4 * t + 2]) << 8 | block[4 * t + 3];
    for (std::size_t t = 16; t < 80; ++t)
      w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    auto [a, b, c, d, e] = h;
    for (std::size_t t = 0; t < 80; ++t) {
      std::uint32_t f = 0;
      std::uint32_t k = 0;
      if (t < 20) {
        f = (b & c) ^ (~b & d);
        k = 0x5A827999;
      } else if (t < 40) {
        f = b ^ c ^ d;
        k = 0x6ED9EBA1;
      } else if (t < 60) {
        f = (b & c) ^ (b & d) ^ (c & d);
        k = 0x8F1BBCDC;
      } else {
        f = b ^ c ^ d;
        k = 0xCA62C1D6;
      }
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
  }
};

}  // namespace

std::array<char, 20> sha1(std::string_view text) noexcept {
  sha1_state state;
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  std::array<unsigned char, block_bytes> block;
  for (; text.size() >= block_bytes; text.remove_prefix(block_bytes)) {
    std::memcpy(block.data(), text.data(), block_bytes);
    state.take(block.data());
  }
  // The rest, a bit that is 1, zeros, and the length in the last eight bytes.
  block.fill(0);
  if (!text.empty()) std::memcpy(block.data(), text.data(), text.size());
  block[text.size()] = 0x80;
  if (text.size() + 1 + sizeof bits > block_bytes) {
    state.take(block.data());
    block.fill(0);
  }
  for (std::size_t i = 0; i < sizeof bits; ++i)
    block[block_bytes - 1 - i] = static_cast<unsigned char>(bits >> 8 * i);
  state.take(block.data());
  std::array<char, 20> out;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<char>(state.h[i / 4] >> 8 * (3 - i % 4) & 0xFF);
  return out;
}

}  // namespace rondo::http::detail
