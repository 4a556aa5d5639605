// asio's bulk server: sends to each connection as many bytes as it asks for, in writes of 64 KiB.
// asio 1.22 looks for coroutines in clang only by their experimental name.
#define ASIO_HAS_CO_AWAIT 1

#include <asio.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

constexpr std::size_t piece_size = 65'536;

awaitable<void> send_what_it_asks_for(tcp::socket socket) {
  std::uint64_t left = 0;
  const std::vector<char> piece(piece_size);
  co_await asio::async_read(socket, asio::buffer(&left, sizeof left), use_awaitable);
  while (left > 0) {
    const std::size_t n = std::min<std::uint64_t>(left, piece_size);
    co_await asio::async_write(socket, asio::buffer(piece.data(), n), use_awaitable);
    left -= n;
  }
}

awaitable<void> serve(tcp::acceptor acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), send_what_it_asks_for(std::move(socket)),
                   asio::detached);
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
