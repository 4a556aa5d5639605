// Whether bytes that come in pieces are UTF-8 (RFC 3629, section 4). Internal.
//
//     utf8_check text;
//     if (!text.take(piece) || …) refuse();     // at the first byte that no UTF-8 has there
//     if (!text.at_a_border()) refuse();        // the last character has not ended
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rondo::http::detail {

class utf8_check {
 public:
  // False as soon as what has come cannot become UTF-8 any more; then nothing more may be asked.
  [[nodiscard]] bool take(std::span<const std::byte> piece) noexcept;
  // No character has begun that has not ended.
  [[nodiscard]] bool at_a_border() const noexcept { return left_ == 0; }
  void begin_again() noexcept { left_ = 0; }

 private:
  std::uint8_t left_ = 0;      // bytes that the character still needs
  std::uint8_t least_ = 0x80;  // of them, the next one's bounds
  std::uint8_t greatest_ = 0xBF;
};

// The same of a whole text.
[[nodiscard]] bool is_utf8(std::span<const std::byte> text) noexcept;

}  // namespace rondo::http::detail
