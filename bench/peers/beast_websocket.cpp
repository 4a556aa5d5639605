// Boost.Beast's WebSocket echo server: a coroutine a connection.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <cstdio>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> echo(tcp::socket socket) {
  beast::websocket::stream<tcp::socket> ws(std::move(socket));
  ws.read_message_max(16 << 20);
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

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main() {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  std::printf("{\"port\": %d}\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::signal_set ends(context, SIGTERM, SIGINT);
  ends.async_wait([&](const boost::system::error_code&, int) { context.stop(); });
  asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
  context.run();
}
