// What a connection of HTTP/2 and a stream cost the server, in bytes of the heap, which are
// libnghttp2's too: a client that says its frames by itself has nothing but a socket each.
#include "http/http_support.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"
#include "support/held.hpp"

#include <rondo/http.hpp>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using http::server_request;
using http::server_response;

#ifndef RONDO_TEST_SANITIZED

namespace http2_memory_test {
namespace {

constexpr std::size_t frame_head_bytes = 9;
constexpr std::uint8_t headers_frame = 1;
constexpr std::uint8_t settings_frame = 4;
constexpr std::uint8_t end_stream = 1;
constexpr std::uint8_t end_headers = 4;
constexpr std::uint8_t acknowledges = 1;

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload = {}) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out.append(payload);
}

// GET / or /index.html, of the static table (RFC 7541, appendix A), from "a".
enum class path : char { root = '\x84', index = '\x85' };
std::string get(std::uint32_t stream, path p, std::string_view more = {}) {
  std::string block{'\x82', '\x86', static_cast<char>(p), '\x41', '\x01', 'a'};
  return frame(headers_frame, end_stream | end_headers, stream, block.append(more));
}

// Until the server has ended this stream.
task<> until_answered(net::buffered_reader<tcp_stream>& in, std::uint32_t stream) {
  for (;;) {
    std::array<std::uint32_t, frame_head_bytes> head{};
    std::ranges::transform(co_await in.read_exactly(head.size()), head.begin(),
                           [](std::byte b) { return static_cast<std::uint32_t>(b); });
    (void)co_await in.read_exactly(head[0] << 16 | head[1] << 8 | head[2]);
    const std::uint32_t of = head[5] << 24 | head[6] << 16 | head[7] << 8 | head[8];
    if (of == stream && head[3] <= headers_frame && (head[4] & end_stream) != 0) co_return;
  }
}

// One that has been answered on stream 1, and knows so.
task<tcp_stream> open_one(endpoint to) {
  tcp_stream s = co_await tcp_stream::connect(to);
  co_await write_text(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings_frame, 0, 0) +
                             frame(settings_frame, acknowledges, 0) + get(1, path::root));
  net::buffered_reader in(s);
  co_await until_answered(in, 1);
  co_return s;
}

struct quiet_server {
  http::server server;
  std::uint64_t answers = 1'000'000;
  std::size_t waiting = 0;
  event more;

  quiet_server() {
    server.route("GET", "/", [this](server_request&) -> task<server_response> {
      co_return server_response::text("hello").header("x-n", std::to_string(answers++));
    });
    server.route("GET", "/index.html", [this](server_request&) -> task<server_response> {
      ++waiting;
      more.set();
      event never;
      co_await never.wait();
      co_return server_response();
    });
  }
  task<> until_there_wait(std::size_t n) {
    while (waiting < n) {
      more.clear();
      co_await more.wait();
    }
  }
};

// On a thread whose frame pool has no chunks yet.
template <class Body>
void run_alone(reactor_kind reactor, Body body) {
  std::thread([&] {
    take_frames_one_by_one();
    run_on(reactor, body);
  }).join();
}

}  // namespace

ON_KERNEL_REACTORS(Counts, AnHttp2ConnectionAndItsStreamsHoldLittle) {
  run_alone(reactor, []() -> task<> {
    constexpr std::size_t connections = 200;
    constexpr std::size_t few = 10;
    constexpr std::size_t streams = 100;  // on each of the few
    quiet_server q;
    co_await with_server(q.server, [&](std::string, endpoint here) -> task<> {
      std::vector<tcp_stream> open;
      open.reserve(few + connections);
      for (std::size_t i = 0; i < few; ++i) open.push_back(co_await open_one(here));
      const std::size_t before = held_bytes();
      for (std::size_t i = 0; i < connections; ++i) open.push_back(co_await open_one(here));
      const std::size_t at_rest = held_bytes();
      std::size_t asked = 0;
      for (std::size_t i = 0; i < few; ++i) {
        std::string requests;
        for (std::size_t n = 0; n < streams; ++n)
          requests += get(static_cast<std::uint32_t>(2 * n + 3), path::index);
        co_await write_text(open[i], requests);
        co_await q.until_there_wait(asked += streams);
      }
      const std::size_t each = (at_rest - before) / connections;
      const std::size_t each_stream = (held_bytes() - at_rest) / asked;
      std::printf("  an HTTP/2 connection at rest holds %zu bytes, a stream that waits %zu\n", each,
                  each_stream);
      EXPECT_LE(each, 32U * 1024);
      EXPECT_LE(each_stream, 3456U);
    });
  });
}

// Each request and each answer has a field that none before it had: the tables of both directions
// (4 KiB, RFC 7541, section 4.1) fill up, and then the connection holds no more, whatever comes.
ON_KERNEL_REACTORS(Counts, AnHttp2ConnectionHoldsNoMoreOnceItsTablesAreFull) {
  run_alone(reactor, []() -> task<> {
    quiet_server q;
    co_await with_server(q.server, [&](std::string, endpoint here) -> task<> {
      std::vector<tcp_stream> open;
      for (int i = 0; i < 2; ++i) open.push_back(co_await open_one(here));
      tcp_stream& s = open.back();
      net::buffered_reader in(s);
      std::uint32_t stream = 1;
      const auto ask = [&](int requests) -> task<> {
        for (int i = 0; i < requests; ++i) {
          stream += 2;
          const std::string number = std::to_string(1'000'000 + stream);
          co_await write_text(s, get(stream, path::root, "\x40\x03x-m\x07" + number));
          co_await until_answered(in, stream);
        }
      };
      co_await ask(1);
      const std::size_t empty = held_bytes();
      co_await ask(200);  // 42 bytes of a table each
      const std::size_t full = held_bytes();
      co_await ask(2000);
      const std::size_t later = held_bytes();
      std::printf("  the tables of an HTTP/2 connection hold %zu bytes, and later %zu\n",
                  full - empty, later - empty);
      EXPECT_LE(full, empty + std::size_t{96} * 1024);
      EXPECT_LE(later, full + 2048);  // a new Date takes more of a table than what goes for it
    });
  });
}

}  // namespace http2_memory_test

#endif
