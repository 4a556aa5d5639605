// A session's part of libnghttp2: heads and bodies as that wants them, and what it calls back
// (callbacks.cpp). Internal.
#pragma once

#include <rondo/http/http2/stream.hpp>

#include <cstddef>
#include <cstdint>

struct nghttp2_session;

namespace rondo::http::detail {

enum class http2_role : std::uint8_t { client, server };

inline constexpr std::size_t frame_head_bytes = 9;  // RFC 9113, section 4.1
// One write is of 16 to 64 KiB, where there is so much.
inline constexpr std::size_t enough_for_a_write = 64 * 1024 - 16 * 1024;

// Whatever comes for this goes to `s`, and what goes is put into its output. Throws std::bad_alloc.
nghttp2_session* make_native(http2_role role, http2_session& s);

// A request of `of`'s. Gives its number, or what libnghttp2 says when it takes no more. Throws
// std::bad_alloc.
std::int32_t submit_request(nghttp2_session* native, const http2_head& h, http2_stream& of,
                            bool end);
// The response, or an interim one (1xx). Throws std::bad_alloc.
void submit_response(nghttp2_session* native, const http2_head& h, http2_stream& of, bool end);

// What a call of libnghttp2's has given.
void throw_if_no_memory(int result);

}  // namespace rondo::http::detail
