// A message of a WebSocket in the form in which it goes over the wire, made once for many.
//
//   broadcast<http::framed_message> news;
//   co_await news.send(http::framed_message::text("rain"));         // framed once, and kept once
//
//   auto mine = news.subscribe(64, overflow::close);                // of each client, in a task
//   while (auto m = co_await mine.next()) co_await ws.send(*m);
//
// The line between the two and its overflow say what becomes of a client that reads too slowly; it
// holds up nobody (unless it subscribed with overflow::wait).
#pragma once

#include <rondo/http/websocket/frame.hpp>
#include <rondo/version.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http {

class framed_message {
 public:
  // The text must be UTF-8, which is not looked at. Throw std::bad_alloc.
  static framed_message text(std::string_view data) {
    return framed_message(detail::opcode::text, data);
  }
  static framed_message bytes(std::span<const std::byte> data) {
    return framed_message(detail::opcode::binary,
                          {reinterpret_cast<const char*>(data.data()), data.size()});
  }

  // What it says, without the frame around it.
  std::string_view data() const noexcept { return std::string_view(wire_).substr(head_bytes_); }
  bool is_text() const noexcept { return kind_ == detail::opcode::text; }

 private:
  friend class websocket;
  framed_message(detail::opcode kind, std::string_view data);

  std::string wire_;  // the frame, as a server sends it
  std::uint8_t head_bytes_;
  detail::opcode kind_;
};

}  // namespace rondo::http
