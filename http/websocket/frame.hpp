// Frames of RFC 6455, section 5: their heads, and the mask of what a client sends. Internal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace rondo::http::detail {

enum class opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

// Control frames are those from 8 on.
constexpr bool is_control(opcode o) noexcept { return static_cast<std::uint8_t>(o) >= 0x8; }

inline constexpr std::size_t longest_control_payload = 125;
inline constexpr std::size_t longest_frame_head = 14;

using mask_key = std::array<std::byte, 4>;

struct frame_head {
  std::uint64_t length = 0;
  std::optional<mask_key> mask;
  opcode kind = opcode::binary;
  std::uint8_t reserved = 0;  // RSV1 is 4, RSV2 is 2, RSV3 is 1
  bool last = true;           // FIN
};

inline constexpr std::uint8_t rsv1 = 4;  // permessage-deflate: the message is compressed

// A head of which at least two bytes have come.
[[nodiscard]] constexpr std::size_t head_size(std::byte second) noexcept {
  const auto b = static_cast<std::uint8_t>(second);
  const std::size_t length = (b & 0x7F) == 127 ? 8 : (b & 0x7F) == 126 ? 2 : 0;
  return 2 + length + ((b & 0x80) != 0 ? 4 : 0);
}

// What a whole head says; `bytes` are head_size() of it. A length is taken as it stands: whether
// it may be written in so many bytes, and is no larger than 63 bits, is length_is_canonical()'s.
[[nodiscard]] frame_head read_frame_head(std::span<const std::byte> bytes) noexcept;
// RFC 6455, section 5.2: the shortest form must be used, and the topmost bit must be 0.
[[nodiscard]] bool length_is_canonical(std::span<const std::byte> bytes) noexcept;

// Writes a head into `to`, and says how many bytes it has.
std::size_t write_frame_head(const frame_head& head,
                             std::array<std::byte, longest_frame_head>& to) noexcept;

// Puts the mask on, or takes it off; `at` is where in the frame's payload the bytes begin.
void mask(std::span<std::byte> bytes, const mask_key& key, std::uint64_t at) noexcept;

}  // namespace rondo::http::detail
