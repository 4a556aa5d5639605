#include <rondo/http/websocket/utf8_check.hpp>

#include <cstring>

namespace rondo::http::detail {
namespace {

constexpr std::uint64_t any_beyond_ascii = 0x8080'8080'8080'8080;

}  // namespace

bool utf8_check::take(std::span<const std::byte> piece) noexcept {
  std::size_t i = 0;
  while (i < piece.size()) {
    if (left_ == 0) {
      // Most text is ASCII: eight bytes at a time.
      while (piece.size() - i >= sizeof(std::uint64_t)) {
        std::uint64_t eight;
        std::memcpy(&eight, piece.data() + i, sizeof eight);
        if ((eight & any_beyond_ascii) != 0) break;
        i += sizeof eight;
      }
      if (i == piece.size()) return true;
      const auto first = static_cast<std::uint8_t>(piece[i++]);
      if (first < 0x80) continue;
      // The second byte's bounds keep out the overlong, the surrogates and what is past U+10FFFF.
      least_ = 0x80;
      greatest_ = 0xBF;
      if (first < 0xC2 || first > 0xF4) return false;
      if (first < 0xE0) {
        left_ = 1;
      } else if (first < 0xF0) {
        left_ = 2;
        if (first == 0xE0) least_ = 0xA0;
        if (first == 0xED) greatest_ = 0x9F;
      } else {
        left_ = 3;
        if (first == 0xF0) least_ = 0x90;
        if (first == 0xF4) greatest_ = 0x8F;
      }
      continue;
    }
    const auto next = static_cast<std::uint8_t>(piece[i++]);
    if (next < least_ || next > greatest_) return false;
    least_ = 0x80;
    greatest_ = 0xBF;
    --left_;
  }
  return true;
}

bool is_utf8(std::span<const std::byte> text) noexcept {
  utf8_check check;
  return check.take(text) && check.at_a_border();
}

}  // namespace rondo::http::detail
