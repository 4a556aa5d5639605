// What the tests of sockets share: connected pairs, and whole streams read or written as text.
#pragma once

#include "support/resources.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace rondo_test {

using rondo::net::bytes_of;
using rondo::net::endpoint;
using rondo::net::tcp_listener;
using rondo::net::tcp_stream;

inline endpoint loopback(std::uint16_t port = 0) {
  return {rondo::net::address::loopback_v4(), port};
}
inline tcp_listener listen_here() { return tcp_listener::bind(loopback()); }

struct stream_pair {
  tcp_stream client;
  tcp_stream server;
};

inline rondo::task<stream_pair> connect_pair(tcp_listener& listener) {
  tcp_stream client = co_await tcp_stream::connect(listener.local_endpoint());
  tcp_stream server = co_await listener.accept();
  co_return stream_pair{std::move(client), std::move(server)};
}
inline rondo::task<stream_pair> connect_pair() {
  tcp_listener listener = listen_here();
  co_return co_await connect_pair(listener);
}

// What comes until the end of the stream, or until `most` bytes have.
inline rondo::task<std::string> read_text(tcp_stream& s, std::size_t most = ~std::size_t{0}) {
  std::string all;
  std::vector<char> buffer(64 * 1024);
  while (all.size() < most) {
    const std::size_t want = std::min(buffer.size(), most - all.size());
    const std::size_t n =
        co_await s.read_some(std::as_writable_bytes(std::span(buffer.data(), want)));
    if (n == 0) break;
    all.append(buffer.data(), n);
  }
  co_return all;
}
// `text` must stay until it has gone.
inline auto write_text(tcp_stream& s, std::string_view text) { return s.write_all(bytes_of(text)); }

// Writes until the peer takes no more: what both sides buffer is full. Returns how much went. The
// kernel of a busy machine moves what is buffered on when it gets to it, so that a pause must come
// more than once.
inline rondo::task<std::size_t> fill(tcp_stream& s) {
  using namespace std::chrono_literals;
  const std::string piece(64 * 1024, 'f');
  std::size_t total = 0;
  for (int pauses = 0; pauses < 4;) {
    const auto n = co_await rondo::try_for(20ms, s.write_some(bytes_of(piece)));
    pauses = n ? 0 : pauses + 1;
    total += n.value_or(0);
  }
  co_return total;
}

// A port that is taken and that nobody listens on.
class unserved_port {
 public:
  unserved_port()
      : socket_(rondo::net::socket::open(AF_INET, SOCK_STREAM,
                                         rondo::detail::transfers::may_stop_short)) {
    socket_.bind(loopback());
  }
  endpoint at() const { return socket_.local_endpoint(); }

 private:
  rondo::net::socket socket_;
};

// While it lives, this many descriptors can be opened and no more.
class descriptors_left {
 public:
  explicit descriptors_left(int free) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    int limit = 0;  // RLIMIT_NOFILE bounds the number
    while (free > 0 || ::fcntl(limit, F_GETFD) != -1) {
      if (::fcntl(limit, F_GETFD) == -1) --free;
      ++limit;
    }
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(limit);
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  descriptors_left(const descriptors_left&) = delete;
  descriptors_left& operator=(const descriptors_left&) = delete;
  ~descriptors_left() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// Makes the next close of a real socket a reset (socket(7), SO_LINGER).
inline void reset_on_close(tcp_stream& s) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(s.native().get().fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// Bytes that a shift, a loss or a repetition changes.
inline std::string pattern(std::size_t size, std::uint64_t seed = 1) {
  std::string text(size, '\0');
  std::uint64_t x = seed * 0x9e3779b97f4a7c15U + 1;
  for (char& c : text) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c = static_cast<char>(x >> 32);
  }
  return text;
}

// A lookup whose task was cancelled ends on its thread, which may hold a file open until then.
// Waits until every other thread of the process waits for work (futex(2)) or sleeps, as
// ThreadSanitizer's own does and no lookup; the caller's check of descriptors follows.
inline void wait_for_abandoned_lookups() {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const std::string own = std::to_string(::gettid());
  const auto waits_for_work = [](const std::filesystem::path& thread) {
    std::ifstream file(thread / "syscall");
    std::string number;
    file >> number;
    if (!file) return true;               // a thread that has ended, or one we may not look at
    constexpr int futex_of_x86_64 = 202;  // where qemu runs the program: the host's numbers
    return number == std::to_string(SYS_futex) || number == std::to_string(SYS_nanosleep) ||
           number == std::to_string(futex_of_x86_64);
  };
  for (bool busy = true; busy && std::chrono::steady_clock::now() < limit;) {
    busy = false;
    std::error_code gone;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", gone))
      busy = busy || (thread.path().filename() != own && !waits_for_work(thread.path()));
    if (busy) std::this_thread::yield();
  }
}

inline std::error_code system_code(int error) { return {error, std::system_category()}; }

}  // namespace rondo_test
