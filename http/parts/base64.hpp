// Base64 (RFC 4648, section 4). Internal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

[[nodiscard]] std::string base64(std::string_view bytes);

// nullopt for what base64() does not write: another byte, missing padding, bits that are not zero
// behind the last byte.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace rondo::http::detail
