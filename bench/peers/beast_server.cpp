// Boost.Beast's server: a coroutine a connection, 16 bytes for every request.
#include "beast_serving.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

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

}  // namespace

int main() { serve_until_signal(answer); }
