// Boost.Beast's server: a coroutine a connection, 16 bytes for every request.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <cstdio>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> answer(tcp::socket socket) {
  beast::flat_buffer buffer;
  try {
    for (;;) {
      http::request<http::string_body> request;
      co_await http::async_read(socket, buffer, request, use_awaitable);
      http::response<http::string_body> response(http::status::ok, request.version());
      response.set(http::field::server, "beast");
      response.set(http::field::content_type, "text/plain");
      response.keep_alive(request.keep_alive());
      response.body() = "0123456789abcde\n";
      response.prepare_payload();
      co_await http::async_write(socket, response, use_awaitable);
      if (!response.keep_alive()) break;
    }
  } catch (const boost::system::system_error&) {  // NOLINT(bugprone-empty-catch): the end
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), answer(std::move(socket)), asio::detached);
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
