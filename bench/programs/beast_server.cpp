// Says hello to everybody.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace asio = boost::asio;
namespace http = boost::beast::http;

asio::awaitable<void> answer(asio::ip::tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  for (bool more = true; more;) {
    http::request<http::string_body> request;
    co_await http::async_read(socket, buffer, request, asio::use_awaitable);
    http::response<http::string_body> r(http::status::ok, request.version());
    r.set(http::field::content_type, "text/plain");
    r.keep_alive(request.keep_alive());
    r.body() = "hello\n";
    r.prepare_payload();
    co_await http::async_write(socket, r, asio::use_awaitable);
    more = request.keep_alive();
  }
}

asio::awaitable<void> serve() {
  asio::ip::tcp::acceptor acceptor(co_await asio::this_coro::executor,
                                   {asio::ip::address_v4::loopback(), 8080});
  for (;;)
    asio::co_spawn(acceptor.get_executor(),
                   answer(co_await acceptor.async_accept(asio::use_awaitable)), asio::detached);
}

int main() {
  asio::io_context context(1);
  asio::co_spawn(context, serve(), asio::detached);
  context.run();
}
