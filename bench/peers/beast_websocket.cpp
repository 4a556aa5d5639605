// Boost.Beast's WebSocket echo server: a coroutine a connection.
#include "beast_serving.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

namespace {

namespace beast = boost::beast;

asio::awaitable<void> echo(tcp::socket socket) {
  beast::websocket::stream<tcp::socket> ws(std::move(socket));
  ws.read_message_max(16 << 20);
  ws.auto_fragment(false);  // a message of one frame, as the others
  beast::flat_buffer buffer;
  try {
    co_await ws.async_accept(use_awaitable);
    for (;;) {
      co_await ws.async_read(buffer, use_awaitable);
      ws.text(ws.got_text());
      co_await ws.async_write(buffer.data(), use_awaitable);
      buffer.consume(buffer.size());
    }
  } catch (const boost::system::system_error&) {  // NOLINT(bugprone-empty-catch): the end
  }
}

}  // namespace

int main() { serve_until_signal(echo); }
