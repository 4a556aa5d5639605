// What a client would like to have: Accept and Accept-Encoding (RFC 9110, section 12.5). Internal.
#pragma once

#include <rondo/http/headers.hpp>

#include <span>
#include <string_view>

namespace rondo::http::detail {

// Of the media types `offered` the one that Accept weighs most, by the most specific range that
// matches each; between equals the earlier one. Without an Accept field the first; empty when none
// will do. Members that are malformed are left out.
[[nodiscard]] std::string_view preferred_type(const headers& fields,
                                              std::span<const std::string_view> offered);

// How Accept-Encoding weighs a coding, in thousandths: 0 when it is not to be used, and without the
// field, which most often means a client that knows none.
[[nodiscard]] int weight_of_coding(const headers& fields, std::string_view coding);

}  // namespace rondo::http::detail
