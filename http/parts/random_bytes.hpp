// Random text for boundaries and nonces. Internal.
#pragma once

#include <cstddef>
#include <string>

namespace rondo::http::detail {

// 2 * `bytes` hexadecimal digits from the system (getrandom(2)); in the simulation they are made
// from the virtual time, so that a seed gives one trace.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace rondo::http::detail
