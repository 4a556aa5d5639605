// The head of a message of HTTP/2 as plain data, between what HPACK gives and what HTTP means by
// it (RFC 9113, section 8.3). Internal.
//
//   http2_head h = http2_request_head(request, "https");     // on its way out
//   if (const char* problem = h.problem_of_request()) …      // on its way in
//   request_head r = std::move(h).take_request();
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

struct http2_head {
  std::string method;     // of a request
  std::string scheme;     // of a request
  std::string authority;  // of a request; empty: it has none
  std::string path;       // of a request; empty in CONNECT
  std::string protocol;   // of an extended CONNECT (RFC 8441)
  int status = 0;         // of a response
  http::headers fields;

  // Why it is no request; null when it is one. What libnghttp2 has taken is checked for what it
  // lets pass: one authority, which is a host and Host's, and a path without a fragment. Several
  // Cookie fields become one (section 8.2.3).
  const char* problem_of_request();
  // As one of HTTP/1.1 reads: the authority is Host, and an extended CONNECT a GET that asks for an
  // upgrade (RFC 8441, section 5).
  request_head take_request() &&;
  response_head take_response() &&;
};

// Without the fields that a connection of HTTP/1.1 would have (section 8.2.2), and Host, which is
// the authority; names in lower case (section 8.2.1). Throws std::invalid_argument for a target
// that is neither a path nor "*", nor an authority in CONNECT.
[[nodiscard]] http2_head http2_request_head(const request_head& r, std::string_view scheme);
[[nodiscard]] http2_head http2_response_head(int status, const http::headers& fields);
// Trailers, too, go without them. `out` loses what it had, and keeps its memory.
[[nodiscard]] http::headers http2_fields(const http::headers& fields);
void http2_fields(http::headers& out, const http::headers& fields);

// What Content-Length says; nullopt when it is not there or no number.
[[nodiscard]] std::optional<std::uint64_t> content_length_of(const http::headers& fields) noexcept;

}  // namespace rondo::http::detail
