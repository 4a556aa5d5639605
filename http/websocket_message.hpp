// A message of a WebSocket, and what may go wrong with one.
//
//   while (std::optional<http::websocket_message> m = co_await ws.receive()) co_await ws.send(*m);
#pragma once

#include <rondo/http/errors.hpp>

#include <cstdint>
#include <string>

namespace rondo::http {

struct websocket_message {
  std::string data;
  bool is_text = true;  // and data is UTF-8; else any bytes
};

// The WebSocket did not end in good order, or has ended: the connection was lost (1006), the peer
// broke a rule of RFC 6455 or passed a limit (1002, 1007, 1009), it answered no ping (1006), or
// something was to be sent after a Close.
class websocket_error : public error {
 public:
  websocket_error(std::uint16_t code, const std::string& message)
      // NOLINTNEXTLINE(bugprone-throw-keyword-missing): the base is made, nothing is thrown
      : error(message), code_(code) {}

  // RFC 6455, section 7.4: what was sent to the peer, or came from it; 1006 when no Close did.
  [[nodiscard]] std::uint16_t code() const noexcept { return code_; }

 private:
  std::uint16_t code_;
};

}  // namespace rondo::http
