// HTTP/2 at a server: how it is recognised, and the task that serves a connection of it. Internal.
#pragma once

#include <rondo/http/server/accepted_connection.hpp>
#include <rondo/runtime/task.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::http::detail {

// What a client of HTTP/2 says first (RFC 9113, section 3.4).
inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class preface_match : std::uint8_t { no, begins, whole };
inline preface_match match_preface(std::string_view begin) noexcept {
  const std::size_t n = std::min(begin.size(), http2_preface.size());
  if (begin.substr(0, n) != http2_preface.substr(0, n)) return preface_match::no;
  return n == http2_preface.size() ? preface_match::whole : preface_match::begins;
}

// Whether Rondo was built with it.
[[nodiscard]] bool serves_http2() noexcept;

// Serves a connection until it is over; `first` has come already. A failure of a handler is
// reported, one of the peer's is not.
task<> serve_http2(accepted_connection& c, std::string first);

}  // namespace rondo::http::detail
