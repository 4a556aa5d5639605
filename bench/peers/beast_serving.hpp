// What Beast's servers share: a coroutine a connection on one thread, a free port that is told, and
// the end by a signal.
#pragma once

#include <boost/asio.hpp>

#include <cstdio>
#include <utility>

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

template <class Handler>
asio::awaitable<void> accept_all(tcp::acceptor acceptor, Handler handler) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), handler(std::move(socket)), asio::detached);
  }
}

template <class Handler>
void serve_until_signal(Handler handler) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  std::printf("{\"port\": %d}\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::signal_set ends(context, SIGTERM, SIGINT);
  ends.async_wait([&](const boost::system::error_code&, int) { context.stop(); });
  asio::co_spawn(context, accept_all(std::move(acceptor), handler), asio::detached);
  context.run();
}
