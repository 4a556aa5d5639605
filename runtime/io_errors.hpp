// Errors of I/O that no errno names, as std::error_code.
#pragma once

#include <rondo/version.hpp>

#include <cstdint>
#include <system_error>

namespace rondo {

// What a stream's operation may fail with beside the system's errors.
enum class io_errc {
  closed = 1,        // the stream was closed while, or before, it was used
  busy = 2,          // a second reader or writer on one stream
  write_broken = 3,  // an earlier write was cancelled half-way: how much of it went is unknown
};

const std::error_category& io_category() noexcept;
inline std::error_code make_error_code(io_errc e) noexcept {
  return {static_cast<int>(e), io_category()};
}

}  // namespace rondo

template <>
struct std::is_error_code_enum<rondo::io_errc> : std::true_type {};

namespace rondo::detail {

// The code of an operation's negative result.
std::error_code error_of(std::int32_t result) noexcept;
[[noreturn]] void throw_io_error(std::int32_t result, const char* what);

}  // namespace rondo::detail
