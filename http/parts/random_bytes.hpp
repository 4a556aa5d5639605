// Bytes that nobody can guess, and text made of them for boundaries and nonces. Internal.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace rondo::http::detail {

// From the system (getrandom(2)); in the simulation they are made from the virtual time, so that a
// seed gives one trace. Throws std::system_error.
void fill_random(std::span<std::byte> bytes);
[[nodiscard]] bool randomness_is_simulated() noexcept;
// 2 * `bytes` hexadecimal digits of it.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace rondo::http::detail
