// A WebSocket (RFC 6455): whole messages both ways over one connection.
//
//   http::websocket ws = co_await client.websocket("wss://example.org/chat");
//   co_await ws.send("hello");
//   while (auto m = co_await ws.receive()) use(m->data);          // empty: closed in good order
//
//   s.websocket("/echo", [](http::websocket& ws) -> task<> {      // on a server
//     while (auto m = co_await ws.receive()) co_await ws.send(*m);
//   });
//
// Losing a race costs nothing: `co_await timeout(5s, ws.receive())` that runs out of time loses no
// message, and a send() that was cancelled has sent its message as a whole or not at all, or keeps
// what was begun for the next writer. Only a message of more than 64 KiB can be cut in two, and
// then the WebSocket says so: nothing more can be sent.
#pragma once

#include <rondo/http/framed_message.hpp>
#include <rondo/http/websocket/connection.hpp>
#include <rondo/http/websocket_message.hpp>
#include <rondo/http/websocket_options.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http {

class message_writer;

namespace detail {
struct websocket_access;
}  // namespace detail

// Movable, while nobody awaits anything of it. Destroyed while it is open, it tells the peer 1001
// (1011 while an exception unwinds) if that can be done at once, and never waits.
class websocket {
 public:
  explicit websocket(std::unique_ptr<detail::websocket_connection> c) noexcept
      : connection_(std::move(c)) {}

  // The next message; empty once the peer has closed in good order (close_code() and close_reason()
  // say why), and its Close has been answered. Pings are answered, and the heartbeat is kept, while
  // somebody is in here. One task at a time: a second fails with io_errc::busy. Beside a close() it
  // waits for the end of that. Throws websocket_error: lost, a broken rule, no answer to a ping.
  // Cancelled: nothing is lost.
  task<std::optional<websocket_message>> receive() { return connection_->receive(); }

  // Receives and throws away until the peer has closed: for whoever only sends, in a task of its
  // own beside that, so that pings are answered and the end is heard of. Throws as receive().
  task<> ignore_incoming();

  // Sends a message; completes when the system has taken it. Several tasks may send: whole messages
  // go first come, first served. The text must be UTF-8, which is not looked at, and stay until
  // it completes. Throws websocket_error. Cancelled: see above.
  task<> send(std::string_view text) {
    return connection_->send(detail::opcode::text, std::as_bytes(std::span(text)));
  }
  task<> send(std::span<const std::byte> bytes) {
    return connection_->send(detail::opcode::binary, bytes);
  }
  task<> send(const websocket_message& m) {
    return connection_->send(m.is_text ? detail::opcode::text : detail::opcode::binary,
                             std::as_bytes(std::span(m.data)));
  }
  // The same for one that goes to many: a server sends its bytes as they are. To a client that
  // agreed on compression one of 1 KiB and more is compressed for it alone, as any other. Throws
  // and is cancelled likewise.
  task<> send(const framed_message& m) {
    return connection_->send_framed(m.kind_, std::as_bytes(std::span(m.wire_)), m.head_bytes_);
  }
  // For what may be dropped: sends it if that can be done without waiting, else gives false and
  // has sent nothing. Never more than 64 KiB. Throws websocket_error, std::bad_alloc.
  bool try_send(std::string_view text) {
    return connection_->try_send(detail::opcode::text, std::as_bytes(std::span(text)));
  }
  bool try_send(std::span<const std::byte> bytes) {
    return connection_->try_send(detail::opcode::binary, bytes);
  }

  // A message in pieces, whose size nobody knows yet. Completes when no other message is under way;
  // until the writer ends, none other is. Pings pass between the pieces. Throws websocket_error.
  // Cancelled: none was begun.
  task<message_writer> begin_text();
  task<message_writer> begin_bytes();

  // Sends a ping, and completes with the time that its answer took. Somebody must be in receive()
  // meanwhile, to hear it. Throws websocket_error. Cancelled: the answer is nobody's.
  task<std::chrono::nanoseconds> ping() { return connection_->ping(); }

  // Tells the peer, and waits for its answer, for options' close_timeout in all; what still comes
  // is thrown away. Then the connection is closed, whatever happened; a second call does nothing.
  // `code` is 1000 to 1003, 1007 to 1014 or 3000 to 4999; the reason is cut to 123 bytes. Throws
  // std::invalid_argument. Cancelled: what was sent stands; it can be called again.
  task<> close(std::uint16_t code = 1000, std::string_view reason = {});

  // Why it was closed: the peer's code (1005: it gave none) and reason; 1006 as long as no Close
  // has come.
  std::uint16_t close_code() const noexcept { return connection_->code(); }
  const std::string& close_reason() const noexcept { return connection_->reason(); }
  // Nothing can be sent or received any more.
  bool ended() const noexcept { return connection_->ended(); }

  // The subprotocol that both sides speak; empty: none was agreed on.
  const std::string& protocol() const noexcept { return connection_->protocol(); }
  // Throws std::system_error.
  net::endpoint remote_endpoint() const { return connection_->remote_endpoint(); }

 private:
  friend class message_writer;
  friend struct detail::websocket_access;
  std::unique_ptr<detail::websocket_connection> connection_;
};

namespace detail {

// For the server, when it stops.
struct websocket_access {
  static void leave(websocket& ws, std::uint16_t code) noexcept { ws.connection_->leave(code); }
};

}  // namespace detail

// A message on its way, piece by piece. Must be ended: one that goes away before has cut its
// message in two, and nothing more can be sent.
class [[nodiscard]] message_writer {
 public:
  message_writer(detail::websocket_connection& c, mutex::guard line, detail::opcode kind) noexcept
      : connection_(&c), line_(std::move(line)), kind_(kind) {}
  message_writer(message_writer&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)),
        line_(std::move(other.line_)),
        kind_(other.kind_) {}
  message_writer& operator=(message_writer&&) = delete;
  ~message_writer() {
    if (connection_ && kind_ == detail::opcode::continuation) connection_->cut_message();
  }

  // Completes when the system has taken it. Throws websocket_error. Cancelled: the message is cut.
  task<> write(std::string_view piece) { return write_bytes(std::as_bytes(std::span(piece))); }
  task<> write(std::span<const std::byte> piece) { return write_bytes(piece); }
  // The last piece is out: the message is whole. Throws and is cancelled as write().
  task<> end();

 private:
  task<> write_bytes(std::span<const std::byte> piece);

  detail::websocket_connection* connection_;
  mutex::guard line_;
  detail::opcode kind_;
};

}  // namespace rondo::http
