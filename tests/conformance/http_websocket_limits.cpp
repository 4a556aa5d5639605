// What a WebSocket promises by default, each as a user would see it: its limits, its times, and who
// closes what.
#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/websocket/handshake.hpp>
#include <rondo/patterns.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_options;

namespace http_websocket_limits_cases {
namespace {

using rondo::net::bytes_of;

websocket client_over(tcp_stream s, websocket_options o = {}) {
  return websocket_over(http::detail::side::client, http::detail::plain_stream(std::move(s)), o);
}

// The head of a client's frame of binary data, with a mask of zeros.
std::string head_of(std::uint64_t length, unsigned char first = 0x82) {
  std::string head{static_cast<char>(first), '\xFF'};
  for (int shift = 56; shift >= 0; shift -= 8) head += static_cast<char>(length >> shift & 0xFF);
  return head + std::string(4, '\0');
}

// Both sides of a relay, until one ends.
task<> pump(tcp_stream& from, tcp_stream& to) {
  std::vector<std::byte> room(4096);
  for (;;) {
    const auto n = co_await as_result(from.read_some(room));
    if (!n.has_value() || n.value() == 0) break;
    const auto gone = co_await as_result(to.write_all(std::span(room).first(n.value())));
    if (!gone.has_value()) break;
  }
  (void)co_await as_result(to.shutdown_write());
}

}  // namespace

CONFORMANCE(WebsocketLimits, AMessageHasAMebibyteAndNoByteMore) {
  constexpr std::size_t most = 1 << 20;
  both_ends ends = co_await connected(websocket_options().close_timeout(1s));
  co_await with_task_group([&](task_group& g) -> task<> {
    const std::string text(most, 'x'), larger(most + 1, 'x');
    auto sending = g.spawn(ends.client.send(text));
    EXPECT_EQ((co_await ends.server.receive())->data.size(), most);
    co_await sending;
    sending = g.spawn([&]() -> task<> { (void)co_await code_thrown(ends.client.send(larger)); });
    EXPECT_EQ(co_await code_thrown(ends.server.receive()), 1009);
    co_await sending;
  });
}

// Announced, and refused before any of it has come; or in two fragments of half the size.
CONFORMANCE(WebsocketLimits, ALengthIsRefusedBeforeAByteOfItComes) {
  for (const std::string& bytes : {head_of((1 << 20) + 1), head_of(std::uint64_t{1} << 62),
                                   std::string("\x02\x81\0\0\0\0x", 7) + head_of(1 << 20, 0x80)}) {
    one_end end = co_await half_connected(websocket_options().close_timeout(50ms));
    co_await end.raw.write_all(bytes_of(bytes));
    EXPECT_EQ(co_await code_thrown(end.server.receive()), 1009);
  }
}

CONFORMANCE(WebsocketLimits, AMessageHas1024FragmentsAndNoneMore) {
  for (const int more : {0, 1}) {
    one_end end = co_await half_connected(websocket_options().close_timeout(50ms));
    std::string fragments("\x01\x80\0\0\0\0", 6);
    for (int i = 2; i < 1024 + more; ++i) fragments += std::string("\0\x80\0\0\0\0", 6);
    fragments += std::string("\x80\x80\0\0\0\0", 6);
    co_await end.raw.write_all(bytes_of(fragments));
    if (more == 0)
      EXPECT_EQ((co_await end.server.receive())->data, "");
    else
      EXPECT_EQ(co_await code_thrown(end.server.receive()), 1009);
  }
}

// In a message that has not ended, and may never.
CONFORMANCE(WebsocketLimits, TextThatIsNoneIsRefusedAsItComes) {
  one_end end = co_await half_connected(websocket_options().close_timeout(50ms));
  co_await end.raw.write_all(bytes_of(std::string_view("\x01\xFE\x01\0\0\0\0\0ab\xFF", 11)));
  EXPECT_EQ(co_await code_thrown(end.server.receive()), 1007);
}

CONFORMANCE(WebsocketLimits, CloseHasTenSecondsByDefault) {
  if (reactor != reactor_kind::simulated) co_return;
  auto [near, raw] = co_await tcp_ends();  // never answers
  websocket client = client_over(std::move(near));
  const auto begun = this_loop().now();
  co_await client.close();
  EXPECT_EQ(this_loop().now() - begun, 10s);
}

CONFORMANCE(WebsocketLimits, TheHeartbeatHasFortySecondsByDefault) {
  if (reactor != reactor_kind::simulated) co_return;
  one_end end = co_await half_connected();
  const auto begun = this_loop().now();
  EXPECT_EQ(co_await code_thrown(end.server.receive()), 1006);
  EXPECT_EQ(this_loop().now() - begun, 40s);
  std::array<std::byte, 8> room;
  EXPECT_EQ(co_await end.raw.read_some(room), 2U);  // one ping, after twenty
  EXPECT_EQ(static_cast<unsigned char>(room[0]), 0x89);
}

CONFORMANCE(WebsocketLimits, AnOpeningHasThirtySeconds) {
  if (reactor != reactor_kind::simulated) co_return;
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> { co_await until_closed(s); },
      [](std::string origin) -> task<> {
        http::client c;
        const auto begun = this_loop().now();
        EXPECT_TRUE(co_await caught<http::timeout_error>(c.websocket(origin + "/")));
        EXPECT_GE(this_loop().now() - begun, 30s);
        EXPECT_LT(this_loop().now() - begun, 31s);
        http::client patient(http::client_options().total_timeout(60s));
        EXPECT_TRUE(co_await caught<http::timeout_error>(patient.websocket(origin + "/")));
        EXPECT_GE(this_loop().now() - begun, 90s);
      });
}

// The client's port is free at once: the server has the one that waits (RFC 6455, section 7.1.1).
CONFORMANCE(WebsocketLimits, AClientWaitsForTheServerToCloseTheConnection) {
  auto [near, raw] = co_await tcp_ends();
  websocket client = client_over(std::move(near));
  co_await with_task_group([&](task_group& g) -> task<> {
    auto closing = g.spawn(client.close(1000));
    std::array<std::byte, 8> room;
    for (std::size_t have = 0; have < room.size();)
      have += co_await raw.read_some(std::span(room).subspan(have));
    co_await raw.write_all(bytes_of(std::string_view("\x88\x02\x03\xE8", 4)));
    for (int i = 0; i < 20; ++i) co_await yield_now();
    EXPECT_FALSE(closing.done());
    raw.close();
    co_await closing;
  });
}

CONFORMANCE(WebsocketLimits, AServerClosesTheConnectionOnceTheCloseIsAnswered) {
  one_end end = co_await half_connected();
  co_await end.raw.write_all(bytes_of(std::string_view("\x88\x82\0\0\0\0\x03\xE8", 8)));
  EXPECT_FALSE(co_await end.server.receive());
  std::string all;
  std::array<std::byte, 64> room;
  while (const std::size_t n = co_await end.raw.read_some(room))  // up to its end
    all.append(reinterpret_cast<const char*>(room.data()), n);
  EXPECT_EQ(all, "\x88\x02\x03\xE8");
}

// What would be read as a part of the message is not sent.
CONFORMANCE(WebsocketLimits, OneThatIsDroppedWithinAFrameSaysNothing) {
  auto [near, raw] = co_await tcp_ends();
  std::string sent(64 << 20, 'x');
  {
    websocket server =
        websocket_over(http::detail::side::server, http::detail::plain_stream(std::move(near)), {});
    (void)co_await try_for(20ms, server.send(sent));  // more than lies between
  }
  std::uint64_t came = 0;
  std::vector<std::byte> room(1 << 16);
  for (;;) {
    const auto n = co_await as_result(raw.read_some(room));
    if (!n.has_value() || n.value() == 0) break;
    const std::size_t head = came == 0 ? 10 : 0;
    for (const std::byte b : std::span(room).first(n.value()).subspan(head))
      if (b != std::byte{'x'}) ADD_FAILURE() << static_cast<int>(b);
    came += n.value();
  }
  EXPECT_GT(came, 10U);
  EXPECT_LT(came, sent.size());
}

// bun#43149, on the other side.
CONFORMANCE(WebsocketLimits, FramesThatCameWithTheAnswerAreKept) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        const std::string head = co_await read_head(in);
        const std::size_t at = head.find("Sec-WebSocket-Key: ") + 19;
        const std::string key = head.substr(at, head.find('\r', at) - at);
        co_await write_text(
            s,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Accept: " +
                http::detail::websocket_accept(key) + "\r\n\r\n\x81\x02Hi\x88\x02\x03\xE8");
        s.close();
      },
      [](std::string origin) -> task<> {
        http::client c;
        websocket ws = co_await c.websocket(origin + "/");
        EXPECT_EQ((co_await ws.receive())->data, "Hi");
        EXPECT_FALSE(co_await ws.receive());
        EXPECT_EQ(ws.close_code(), 1000);
      });
}

// RFC 6455, section 4.1: a proxy is asked for a tunnel, because it would not pass Upgrade on.
CONFORMANCE(WebsocketLimits, AProxyIsAskedForATunnel) {
  http::server server;
  server.websocket("/", echo_messages);
  co_await with_server(server, [&](std::string origin, endpoint here) -> task<> {
    std::string asked;
    co_await with_peer(
        [&](tcp_stream& s, int) -> task<> {
          net::buffered_reader in(s);
          asked = first_line(co_await read_head(in));
          tcp_stream on = co_await tcp_stream::connect(here);
          co_await write_text(s, "HTTP/1.1 200 OK\r\n\r\n");
          co_await gather(pump(s, on), pump(on, s));
        },
        [&](std::string by) -> task<> {
          http::client c(http::client_options().proxy(http::proxy(by)));
          websocket ws = co_await c.websocket("ws" + origin.substr(4) + "/");
          co_await ws.send("hello");
          EXPECT_EQ((co_await ws.receive())->data, "hello");
          co_await ws.close();
        });
    EXPECT_EQ(asked, "CONNECT " + origin.substr(7) + " HTTP/1.1");
  });
}

// From its clock in the simulation, so that a run can be repeated; elsewhere from the system.
CONFORMANCE_RUNS(WebsocketLimits, MasksRepeatThemselvesInTheSimulationAlone) {
  const auto masks_of_a_run = [reactor] {
    std::string sent;
    run_on(reactor, [&]() -> task<> {
      auto [near, raw] = co_await tcp_ends();
      websocket client = client_over(std::move(near));
      for (int i = 0; i < 8; ++i) co_await client.send("a");
      std::array<std::byte, 8 * 7> room;
      for (std::size_t have = 0; have < room.size();)
        have += co_await raw.read_some(std::span(room).subspan(have));
      sent.assign(reinterpret_cast<const char*>(room.data()), room.size());
    });
    return sent;
  };
  const std::string first = masks_of_a_run();
  EXPECT_EQ(masks_of_a_run() == first, reactor == reactor_kind::simulated);
}

}  // namespace http_websocket_limits_cases
