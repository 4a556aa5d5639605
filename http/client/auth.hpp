// Values of the Authorization field: Basic (RFC 7617), Bearer (RFC 6750). Internal; users write
// request::basic_auth and request::bearer_auth.
#pragma once

#include <string>
#include <string_view>

namespace rondo::http::detail {

// "Basic …". Throws std::invalid_argument when the name holds a colon or either holds a control.
[[nodiscard]] std::string basic_authorization(std::string_view username, std::string_view password);
// "Bearer …". Throws std::invalid_argument when the token is empty or holds what no token may.
[[nodiscard]] std::string bearer_authorization(std::string_view token);

}  // namespace rondo::http::detail
