#include <rondo/http/websocket.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http {

websocket_options& websocket_options::protocols(std::vector<std::string> names) {
  for (const std::string& name : names)
    if (!detail::is_token(name))
      throw std::invalid_argument("\"" + name + "\" is no name of a subprotocol");
  protocols_ = std::move(names);
  return *this;
}

task<> websocket::close(std::uint16_t code, std::string_view reason) {
  if (!detail::may_be_sent(code))
    throw std::invalid_argument(std::to_string(code) + " is no code that a Close may have");
  co_await connection_->close(code, reason);
}

task<> websocket::ignore_incoming() {
  while (co_await receive()) {
  }
}

task<message_writer> websocket::begin_text() {
  mutex::guard line = co_await connection_->line().lock();
  connection_->check_writable();
  co_return message_writer(*connection_, std::move(line), detail::opcode::text);
}

task<message_writer> websocket::begin_bytes() {
  mutex::guard line = co_await connection_->line().lock();
  connection_->check_writable();
  co_return message_writer(*connection_, std::move(line), detail::opcode::binary);
}

task<> message_writer::write_bytes(std::span<const std::byte> piece) {
  const detail::opcode kind = std::exchange(kind_, detail::opcode::continuation);
  co_await connection_->send_piece(kind, piece, false);
}

task<> message_writer::end() {
  const detail::opcode kind = std::exchange(kind_, detail::opcode::continuation);
  co_await connection_->send_piece(kind, {}, true);
  connection_ = nullptr;
  const mutex::guard done = std::move(line_);
}

}  // namespace rondo::http
