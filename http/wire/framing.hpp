// What a head says about the body after it and about the connection (RFC 9112, sections 6 and 9).
// Internal, but for body_framing.
#pragma once

#include <rondo/http/limits.hpp>
#include <rondo/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace rondo::http {

// How the end of a body is found.
enum class body_framing : std::uint8_t {
  none,         // there is no body
  length,       // Content-Length
  chunked,      // Transfer-Encoding: chunked
  until_close,  // the end of the transport; responses only
};

namespace detail {

// What a server says of a connection that it keeps (Keep-Alive: timeout=5, max=100): after how long
// without a request it closes it, and how many more requests it takes. What is no number is not
// there.
struct keep_alive_hint {
  std::optional<std::uint32_t> seconds;
  std::optional<std::uint32_t> requests;
};

// The fields that matter, read once and before any rule about what they mean together.
struct framing_fields {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;  // Connection: upgrade, and an Upgrade field
  bool repeated_content_length = false;
  int hosts = 0;
  std::string_view host;
  keep_alive_hint hint;  // responses
};

// Throws protocol_error for a Content-Length or Transfer-Encoding that is not exactly right, for
// both together, and for what the version does not have.
[[nodiscard]] framing_fields read_framing(const headers& fields, version v, bool response,
                                          bool allow_repeated_length);

// uri-host [ ":" port ], where the host may be empty (RFC 9110, section 7.2). Names in UTF-8 are
// not taken: two readers would not agree on what they name.
[[nodiscard]] bool is_host(std::string_view s) noexcept;

// Exactly one good Host, or at most one in HTTP/1.0 (RFC 9112, section 3.2).
void check_host(const framing_fields& f, version v);

[[nodiscard]] body_framing request_framing(const framing_fields& f, std::string_view method);
// `method` is that of the request it answers: HEAD and CONNECT change what the fields mean.
[[nodiscard]] body_framing response_framing(const framing_fields& f, int status,
                                            std::string_view method) noexcept;

// Whether another message may follow on the connection (RFC 9112, section 9.3).
[[nodiscard]] bool stays_open(const framing_fields& f, version v) noexcept;

}  // namespace detail
}  // namespace rondo::http
