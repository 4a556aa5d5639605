// SHA-1 (FIPS 180-4), for the handshake of WebSockets alone, which wants it whatever a build has of
// cryptography; it proves nothing but that the server has read the request. Internal.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace rondo::http::detail {

[[nodiscard]] std::array<char, 20> sha1(std::string_view text) noexcept;

}  // namespace rondo::http::detail
