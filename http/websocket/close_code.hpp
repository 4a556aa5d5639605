// Why a WebSocket was closed (RFC 6455, section 7.4). Internal.
#pragma once

#include <cstdint>

namespace rondo::http::detail {

namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t no_code = 1005;   // of a Close without one; never sent
inline constexpr std::uint16_t lost = 1006;      // no Close came; never sent
inline constexpr std::uint16_t not_utf8 = 1007;  // or another wrong content
inline constexpr std::uint16_t too_large = 1009;
inline constexpr std::uint16_t internal_error = 1011;
}  // namespace close_code

// The codes that may stand in a Close: those that RFC 6455 and its registry define for that, and
// what is left to libraries and programs.
[[nodiscard]] constexpr bool may_be_sent(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace rondo::http::detail
