// asio's echo server as its users write it: a coroutine a connection. Built twice: on epoll, and on
// io_uring (ASIO_HAS_IO_URING, ASIO_DISABLE_EPOLL). Prints its port as the limit programs do.
// asio 1.22 looks for coroutines in clang only by their experimental name.
#define ASIO_HAS_CO_AWAIT 1

#include <asio.hpp>

#include <array>
#include <cstdio>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

awaitable<void> echo(tcp::socket socket) {
  std::array<char, 4'096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  try {
    for (;;) {
      const std::size_t n = co_await socket.async_read_some(asio::buffer(buffer), use_awaitable);
      co_await asio::async_write(socket, asio::buffer(buffer, n), use_awaitable);
    }
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): the end of the stream
  }
}

awaitable<void> serve(tcp::acceptor acceptor) {
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
  ends.async_wait([&](const asio::error_code&, int) { context.stop(); });
  asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
  context.run();
}
