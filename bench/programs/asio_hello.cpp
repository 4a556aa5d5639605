// One coroutine, one sleep.
// asio 1.22 looks for coroutines in clang by their experimental name only.
#define ASIO_HAS_CO_AWAIT 1
#include <asio.hpp>

#include <cstdio>

asio::awaitable<void> hello() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
  co_await timer.async_wait(asio::use_awaitable);
  std::puts("hello");
}

int main() {
  asio::io_context context(1);
  asio::co_spawn(context, hello(), asio::detached);
  context.run();
}
