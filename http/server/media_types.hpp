// Media types by the end of a file's name. Internal.
#pragma once

#include <array>
#include <string_view>

namespace rondo::http::detail {

using extension_room = std::array<char, 12>;

// "html" of "a/b.HTML", in `room`; empty when there is none, or one that does not fit.
[[nodiscard]] std::string_view extension_of(std::string_view name, extension_room& room) noexcept;

// Of a name's extension; what is not known is application/octet-stream. Text is said to be UTF-8.
[[nodiscard]] std::string_view media_type_of(std::string_view name) noexcept;

}  // namespace rondo::http::detail
