// Boost.Beast's client: a coroutine a connection that asks for one target again and again.
//
// usage: beast_client PORT TARGET CONNECTIONS SECONDS
//
// Prints the requests, and the CPU time of this process, of the time after a warm-up of a tenth.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using clock_type = std::chrono::steady_clock;

unsigned long requests = 0;

asio::awaitable<void> ask(tcp::endpoint server, std::string target) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, use_awaitable);
  socket.set_option(tcp::no_delay(true));
  beast::flat_buffer buffer;
  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, "127.0.0.1");
  request.set(http::field::user_agent, "beast");
  for (;;) {
    co_await http::async_write(socket, request, use_awaitable);
    http::response<http::string_body> response;
    co_await http::async_read(socket, buffer, response, use_awaitable);
    if (response.result() == http::status::ok) ++requests;
  }
}

double cpu(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fprintf(stderr, "usage: beast_client PORT TARGET CONNECTIONS SECONDS\n");
    return 2;
  }
  const tcp::endpoint server(asio::ip::address_v4::loopback(),
                             static_cast<unsigned short>(std::strtoul(arguments[1], nullptr, 10)));
  const std::chrono::duration<double> time(std::strtod(arguments[4], nullptr));
  asio::io_context context(1);
  const unsigned long connections = std::strtoul(arguments[3], nullptr, 10);
  for (unsigned long i = 0; i < connections; ++i)
    asio::co_spawn(context, ask(server, arguments[2]), [](const std::exception_ptr& e) {
      if (e) std::rethrow_exception(e);
    });
  context.run_for(std::chrono::duration_cast<std::chrono::nanoseconds>(time / 10));
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  requests = 0;
  const auto begun = clock_type::now();
  context.run_for(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
  const std::chrono::duration<double> took = clock_type::now() - begun;
  getrusage(RUSAGE_SELF, &after);
  std::printf(
      "{\"requests\": %lu, \"failed\": 0, \"seconds\": %.6f, \"user_cpu_s\": %.6f, "
      "\"system_cpu_s\": %.6f}\n",
      requests, took.count(), cpu(after.ru_utime) - cpu(before.ru_utime),
      cpu(after.ru_stime) - cpu(before.ru_stime));
}
