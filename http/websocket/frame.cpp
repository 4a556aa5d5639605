#include <rondo/http/websocket/frame.hpp>

#include <algorithm>
#include <cstring>

namespace rondo::http::detail {
namespace {

std::uint64_t big_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t n = 0;
  for (const std::byte b : bytes) n = n << 8 | static_cast<std::uint8_t>(b);
  return n;
}

// How many bytes hold a length beside its seven bits.
constexpr std::size_t length_bytes(std::uint64_t length) noexcept {
  return length <= longest_control_payload ? 0 : length <= 0xFFFF ? 2 : 8;
}

}  // namespace

frame_head read_frame_head(std::span<const std::byte> bytes) noexcept {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const auto second = static_cast<std::uint8_t>(bytes[1]);
  frame_head head;
  head.last = (first & 0x80) != 0;
  head.reserved = first >> 4 & 0x7;
  head.kind = static_cast<opcode>(first & 0xF);
  const std::uint8_t seven = second & 0x7F;
  const std::size_t more = seven == 127 ? 8 : seven == 126 ? 2 : 0;
  head.length = more == 0 ? seven : big_endian(bytes.subspan(2, more));
  if ((second & 0x80) != 0) {
    head.mask.emplace();
    std::ranges::copy(bytes.subspan(2 + more, head.mask->size()), head.mask->begin());
  }
  return head;
}

bool length_is_canonical(std::span<const std::byte> bytes) noexcept {
  const std::uint8_t seven = static_cast<std::uint8_t>(bytes[1]) & 0x7F;
  if (seven < 126) return true;
  const std::size_t more = seven == 127 ? 8 : 2;
  const std::uint64_t length = big_endian(bytes.subspan(2, more));
  return length_bytes(length) == more && length >> 63 == 0;
}

std::size_t write_frame_head(const frame_head& head,
                             std::array<std::byte, longest_frame_head>& to) noexcept {
  const std::size_t more = length_bytes(head.length);
  to[0] = static_cast<std::byte>((head.last ? 0x80 : 0) | head.reserved << 4 |
                                 static_cast<std::uint8_t>(head.kind));
  const std::uint64_t seven = more == 0 ? head.length : more == 2 ? 126 : 127;
  to[1] = static_cast<std::byte>((head.mask ? 0x80 : 0) | seven);
  for (std::size_t i = 0; i < more; ++i)
    to[2 + i] = static_cast<std::byte>(head.length >> 8 * (more - 1 - i) & 0xFF);
  std::size_t size = 2 + more;
  if (head.mask) {
    std::ranges::copy(*head.mask, to.begin() + static_cast<std::ptrdiff_t>(size));
    size += head.mask->size();
  }
  return size;
}

void mask(std::span<std::byte> bytes, const mask_key& key, std::uint64_t at) noexcept {
  // The key as it lies over eight bytes from here on.
  std::array<std::byte, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(at + i) % key.size()];
  std::uint64_t eight_of_key;
  std::memcpy(&eight_of_key, turned.data(), sizeof eight_of_key);
  std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof eight_of_key; left -= sizeof eight_of_key, p += sizeof eight_of_key) {
    std::uint64_t eight;
    std::memcpy(&eight, p, sizeof eight);
    eight ^= eight_of_key;
    std::memcpy(p, &eight, sizeof eight);
  }
  for (std::size_t i = 0; i < left; ++i) p[i] ^= turned[i];
}

}  // namespace rondo::http::detail
