// What a connection that does nothing costs a server in user space: what malloc has given, less
// what no frame has of it. The clients are bare descriptors of a thread's, and hold nothing. Frames
// are as large as the compiler makes them: optimized code is measured.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#ifndef RONDO_TEST_SANITIZED

namespace rondo::detail {
std::size_t free_frame_bytes() noexcept;  // frame_pool.cpp
}

namespace idle_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;

namespace {

#ifdef __OPTIMIZE__
constexpr bool optimized = true;
#else
constexpr bool optimized = false;
#endif

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view opening =
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view message = "\x82\x81\x01\x02\x03\x04\x41";  // one byte, masked
constexpr std::size_t echo_bytes = 3;

class bare_clients {
 public:
  bare_clients(endpoint server, bool websockets, std::size_t most)
      : server_(server), websockets_(websockets) {
    all_.reserve(most);
  }
  bare_clients(const bare_clients&) = delete;
  bare_clients& operator=(const bare_clients&) = delete;
  ~bare_clients() {
    for (const int fd : all_) ::close(fd);
  }

  // The server's descriptors have the numbers below, as if these were another process'.
  static constexpr int first_number = 4096;

  // In a thread: each asks once, or has two messages echoed.
  void come(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) come();
  }

 private:
  void come() {
    const int low = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int fd = ::fcntl(low, F_DUPFD_CLOEXEC, first_number);
    ::close(low);
    ASSERT_GE(fd, 0);
    all_.push_back(fd);
    sockaddr_storage name;
    const unsigned size = server_.to_sockaddr(name);
    ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&name), size), 0);
    send(fd, websockets_ ? opening : request);
    std::array<char, 512> room{};
    std::size_t got = 0;
    const std::string_view end = websockets_ ? "\r\n\r\n" : "hello";
    while (!std::string_view(room.data(), got).ends_with(end)) {
      const ssize_t more = ::recv(fd, room.data() + got, room.size() - got, 0);
      ASSERT_GT(more, 0);
      got += static_cast<std::size_t>(more);
    }
    if (!websockets_) return;
    for (int i = 0; i < 2; ++i) {
      send(fd, message);
      ASSERT_EQ(::recv(fd, room.data(), echo_bytes, MSG_WAITALL), ssize_t{echo_bytes});
    }
  }
  static void send(int fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  endpoint server_;
  bool websockets_;
  std::vector<int> all_;
};

std::size_t bytes_alive() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd - detail::free_frame_bytes();
}

// By so many more connections than there were.
task<std::size_t> bytes_an_idle_one_holds(bool websockets) {
  constexpr std::size_t first = 500;
  constexpr std::size_t more = 1500;
  http::server s(http::server_options().max_connections(first + more + 1));
  s.route("GET", "/", [](server_request&) -> task<http::server_response> {
    co_return http::server_response::text("hello");
  });
  s.websocket("/ws", [](http::websocket& ws) -> task<> {
    while (const auto m = co_await ws.receive()) co_await ws.send(*m);
  });
  std::size_t each = 0;
  co_await with_server(s, [&](std::string, endpoint here) -> task<> {
    bare_clients clients(here, websockets, first + more);
    co_await to_thread([&] { clients.come(first); });
    co_await yield_now();
    const std::size_t before = bytes_alive();
    co_await to_thread([&] { clients.come(more); });
    co_await yield_now();
    each = (bytes_alive() - before) / more;
  });
  co_return each;
}

void holds_at_most(reactor_kind reactor, bool websockets, std::size_t most) {
  if (!optimized) GTEST_SKIP() << "frames are larger without optimization";
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  if (descriptors.rlim_cur < 8192) GTEST_SKIP() << "so many descriptors are not to be had";
  run_on(reactor, [&]() -> task<> {
    const std::size_t each = co_await bytes_an_idle_one_holds(websockets);
    std::printf("  an idle %s holds %zu bytes\n", websockets ? "WebSocket" : "HTTP connection",
                each);
    EXPECT_LE(each, most);
  });
}

}  // namespace

ON_KERNEL_REACTORS(Counts, AnIdleHttpConnectionHoldsLittle) { holds_at_most(reactor, false, 1024); }

ON_KERNEL_REACTORS(Counts, AnIdleWebsocketHoldsLittle) { holds_at_most(reactor, true, 1024); }

}  // namespace idle_test

#endif
