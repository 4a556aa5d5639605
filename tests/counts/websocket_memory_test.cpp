// What compression costs a WebSocket that is at rest, in bytes: without a context next to nothing,
// because the coders are the loop's; with one a deflater and an inflater of its own.
#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <malloc.h>

#include <algorithm>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using http::websocket_options;

#ifndef RONDO_TEST_SANITIZED

namespace websocket_memory_test {
namespace {

// What one end of a WebSocket holds when `count` are open and each has sent and received messages
// of `size` bytes: both ends are here, and agreed on the same.
task<std::size_t> held_by_each_end(websocket_options o, std::size_t count, std::size_t size) {
  std::size_t each = 0;
  http::server server;
  server.websocket("/", echo_messages, o);
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c;
    const std::string url = "ws" + origin.substr(4) + "/";
    const std::string text(size, 'c');
    std::vector<http::websocket> open;
    open.reserve(count + 10);
    const auto open_more = [&](std::size_t n) -> task<> {
      for (std::size_t i = 0; i < n; ++i) {
        open.push_back(co_await c.websocket(url, o));
        for (int message = 0; message < 3; ++message) {
          co_await open.back().send(net::bytes_of(text));
          const auto m = co_await open.back().receive();
          EXPECT_TRUE(m && m->data == text);
        }
      }
    };
    co_await open_more(10);  // what there is only once
    const std::size_t before = mallinfo2().uordblks;
    co_await open_more(count);
    const std::size_t grown = mallinfo2().uordblks - std::min(before, mallinfo2().uordblks);
    each = grown / count / 2;
    for (http::websocket& ws : open) co_await ws.close();
  });
  co_return each;
}

}  // namespace

ON_KERNEL_REACTORS(Counts, ACompressedWebsocketHoldsNoCoderOfItsOwnWithoutAContext) {
  if (!features().zlib) GTEST_SKIP() << "built without zlib";
  run_on(reactor, []() -> task<> {
    constexpr std::size_t count = 100;
    constexpr std::size_t size = 4096;
    (void)co_await held_by_each_end({}, count, size);  // what the pools keep
    const std::size_t plain = co_await held_by_each_end({}, count, size);
    const std::size_t shared =
        co_await held_by_each_end(websocket_options().compress(true), count, size);
    const std::size_t own =
        co_await held_by_each_end(websocket_options().compress_with_context(true), count, size);
    std::printf("  an end of a WebSocket holds %zu bytes, compressed %zu, with a context %zu\n",
                plain, shared, own);
    EXPECT_LE(plain, 1536U);
    EXPECT_LE(shared, plain + 512);
    // zlib's: 38,800 bytes a deflater of 12 bits and level 5, 7,168 an inflater, and its window.
    EXPECT_GE(own, plain + 48'000);
    EXPECT_LE(own, plain + 52'000);
  });
}

}  // namespace websocket_memory_test

#endif
