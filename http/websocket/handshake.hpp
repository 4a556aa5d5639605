// The opening handshake (RFC 6455, section 4) and what it agrees on (RFC 7692, section 7.1): fields
// in, fields out. Internal.
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/websocket/deflate.hpp>
#include <rondo/http/websocket_options.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

// Sixteen bytes that nobody can guess, in base64. Throws std::system_error.
[[nodiscard]] std::string make_websocket_key();
// Whether a Sec-WebSocket-Key is sixteen bytes in base64.
[[nodiscard]] bool is_websocket_key(std::string_view key) noexcept;
// What a server answers to it.
[[nodiscard]] std::string websocket_accept(std::string_view key);

// --- the server's side ---

// Why a request gets no WebSocket: the status, and a sentence; 0 when it may have one.
struct websocket_refusal {
  int status = 0;
  const char* why = "";
};
// The method and the Upgrade are whoever upgrades the connection's affair. HTTP/2 has no key (RFC
// 8441, section 5).
[[nodiscard]] websocket_refusal check_websocket_request(const headers& fields,
                                                        const websocket_options& o,
                                                        version v = version::http_1_1);
// The client's best subprotocol that we speak; empty when there is none.
[[nodiscard]] std::string choose_protocol(const headers& fields, const websocket_options& o);

struct agreed_deflate {
  deflate_terms terms;
  std::string answer;  // the value of Sec-WebSocket-Extensions
};
// The first of the client's offers that can be taken; what cannot be read, and extensions that we
// do not know, are passed over, as the RFC wants it.
[[nodiscard]] std::optional<agreed_deflate> choose_deflate(const headers& fields,
                                                           const websocket_options& o);

// --- the client's side ---

// The fields that a request for a WebSocket has beside the usual ones.
void add_websocket_fields(headers& fields, const std::string& key, const websocket_options& o);

struct websocket_agreement {
  std::string protocol;
  std::optional<deflate_terms> deflate;
};
// Whether a 101 is one for a WebSocket, and the answer to this key. Throws protocol_error when not.
void check_websocket_answer(const headers& fields, std::string_view key);
// What it, or the 200 of HTTP/2, has agreed on. Throws protocol_error for what was not offered.
[[nodiscard]] websocket_agreement read_websocket_answer(const headers& fields,
                                                        const websocket_options& o);

}  // namespace rondo::http::detail
