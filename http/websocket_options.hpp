// What a WebSocket may be like: limits, times, compression, subprotocols.
//
//   s.websocket("/chat", chat, http::websocket_options().max_message(64 << 10).compress(true));
//   auto ws = co_await client.websocket(url, http::websocket_options().protocols({"chat.v2"}));
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo::http {

// Every setter returns the object itself.
struct websocket_options {
  // The largest message that is taken, after inflating: one that is larger ends the connection with
  // 1009. 1 MiB.
  websocket_options& max_message(rondo::detail::amount bytes) {
    max_message_ = bytes;
    return *this;
  }
  // Of how many frames a message may be made, empty ones counted. 1,024.
  websocket_options& max_fragments(rondo::detail::amount n) {
    max_fragments_ = n;
    return *this;
  }
  // While receive() waits, the peer is pinged when nothing has come for `every`, and is given up
  // when nothing has come within `patience` after that. 20 s each; an `every` of zero or less: no
  // pings.
  template <class R1, class P1, class R2, class P2>
  websocket_options& heartbeat(std::chrono::duration<R1, P1> every,
                               std::chrono::duration<R2, P2> patience) {
    heartbeat_ = rondo::detail::saturate(every);
    patience_ = rondo::detail::saturate(patience);
    return *this;
  }
  // A peer that takes nothing for so long while something is to be sent is given up. 60 s.
  template <class Rep, class Period>
  websocket_options& write_timeout(std::chrono::duration<Rep, Period> d) {
    write_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // All of close(), and of answering the peer's Close. 10 s.
  template <class Rep, class Period>
  websocket_options& close_timeout(std::chrono::duration<Rep, Period> d) {
    close_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // Client: offers permessage-deflate (RFC 7692); server: takes it when it is offered. Each message
  // is compressed for itself. Nothing below 1 KiB is. Without zlib it does nothing. Off: a message
  // that holds a secret beside what a stranger chose gives the secret away by its length.
  websocket_options& compress(bool on) {
    compress_ = on;
    return *this;
  }
  // The same, and each message may refer to those before: smaller, for some 50 KB a connection.
  websocket_options& compress_with_context(bool on) {
    compress_ = compress_ || on;
    context_ = on;
    return *this;
  }
  // Client: the subprotocols that it speaks, the best first. Server: those that it speaks; it takes
  // the first of the client's that is among them, and none when there is none. Throws
  // std::invalid_argument for what is no token.
  websocket_options& protocols(std::vector<std::string> names);
  // Server: the values of Origin that may connect, as "https://example.org". By default Origin's
  // host and port must be those of Host: pages of other sites are refused (403). A request without
  // an Origin comes from no page, and passes.
  websocket_options& origins(std::vector<std::string> allowed) {
    origins_ = std::move(allowed);
    return *this;
  }
  // Server: pages of any site may connect.
  websocket_options& any_origin() {
    any_origin_ = true;
    return *this;
  }

  std::size_t max_message_ = std::size_t{1} << 20;
  std::size_t max_fragments_ = 1024;
  rondo::detail::nanoseconds heartbeat_ = std::chrono::seconds(20);
  rondo::detail::nanoseconds patience_ = std::chrono::seconds(20);
  rondo::detail::nanoseconds write_timeout_ = std::chrono::seconds(60);
  rondo::detail::nanoseconds close_timeout_ = std::chrono::seconds(10);
  bool compress_ = false;
  bool context_ = false;
  bool any_origin_ = false;
  std::vector<std::string> protocols_;
  std::optional<std::vector<std::string>> origins_;
};

}  // namespace rondo::http
