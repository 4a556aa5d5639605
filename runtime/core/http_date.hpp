// Dates as HTTP writes them, and other protocols that have taken its fields.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <optional>
#include <string_view>

namespace rondo::detail {

// One of the three forms of RFC 9110, section 5.6.7, and nothing else: "Sun, 06 Nov 1994 08:49:37
// GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". `now` says which century a
// year of two digits is in.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::sys_seconds now) noexcept;

}  // namespace rondo::detail
