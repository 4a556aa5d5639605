// The heads of HTTP/1.1 messages as plain data, and how they are written.
//
//     http::request_head h{.method = "GET", .target = "/x", .headers = {{"Host", "example.org"}}};
//     std::string out;
//     http::write_head(out, h);   // "GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n"
//
// A writer refuses what a peer could read as something else (CR, LF, NUL, spaces, …) before it has
// written a byte: it throws std::invalid_argument and leaves `out` as it was. Fields need no check
// here: `headers` holds none that are bad.
#pragma once

#include <rondo/http/headers.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::http {

// The versions that are spoken; all others are refused. What is written as text here is never
// HTTP/2, whose heads are no text.
enum class version : std::uint8_t { http_1_0, http_1_1, http_2 };

[[nodiscard]] constexpr std::string_view to_string(version v) noexcept {
  return v == version::http_1_0 ? "HTTP/1.0" : v == version::http_1_1 ? "HTTP/1.1" : "HTTP/2";
}

struct request_head {
  std::string method = "GET";
  std::string target = "/";  // origin-form, absolute-form, authority-form (CONNECT) or "*"
  http::version version = http::version::http_1_1;
  http::headers headers;
};

// What stands before the body of a response.
struct response_head {
  int status = 200;
  std::string reason;
  http::version version = http::version::http_1_1;
  http::headers headers;
};

// Appends the start line, the fields and the empty line. Nothing is added: Host, Content-Length and
// the like are the caller's.
void write_head(std::string& out, const request_head& head);
// The status must be within 100 and 999; an empty reason is written as the standard's phrase.
void write_head(std::string& out, const response_head& head);

// The first line alone, of HTTP/1.1.
void write_request_line(std::string& out, std::string_view method, std::string_view target);
// The same, with the standard's phrase.
void write_status_line(std::string& out, int status);

// "Not Found" for 404; empty for a status that RFC 9110 does not name.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace rondo::http
