// Prints what stands at a path of a host, over TLS.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <cstdio>
#include <string>

namespace asio = boost::asio;
namespace http = boost::beast::http;

asio::awaitable<void> show(std::string host, std::string port, std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_default_verify_paths();
  tls.set_verify_mode(asio::ssl::verify_peer);
  asio::ip::tcp::resolver resolver(executor);
  boost::beast::ssl_stream<boost::beast::tcp_stream> stream(executor, tls);
  stream.set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
  co_await boost::beast::get_lowest_layer(stream).async_connect(
      co_await resolver.async_resolve(host, port, asio::use_awaitable), asio::use_awaitable);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  http::request<http::empty_body> request(http::verb::get, path, 11);
  request.set(http::field::host, host);
  co_await http::async_write(stream, request, asio::use_awaitable);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> r;
  co_await http::async_read(stream, buffer, r, asio::use_awaitable);
  std::fwrite(r.body().data(), 1, r.body().size(), stdout);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  asio::io_context context(1);
  asio::co_spawn(context, show(argv[1], argv[2], argv[3]), asio::detached);
  context.run();
}
