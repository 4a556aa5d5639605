// A stream of any kind behind one type.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <array>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::any_stream;

namespace {

task<std::string> read_all(any_stream& s) {
  std::string text;
  std::array<std::byte, 64> buffer{};
  while (const std::size_t n = co_await s.read_some(buffer))
    text.append(reinterpret_cast<const char*>(buffer.data()), n);
  co_return text;
}

// A byte stream with nothing but what the concept asks for, and tasks for calls.
struct plain_stream {
  net::memory_stream inner;
  task<std::size_t> read_some(std::span<std::byte> b) { co_return co_await inner.read_some(b); }
  task<std::size_t> write_some(std::span<const std::byte> b) {
    co_return co_await inner.write_some(b);
  }
  task<> write_all(std::span<const std::byte> b) { co_await inner.write_all(b); }
  task<> shutdown_write() { co_await inner.shutdown_write(); }
  void close() noexcept { inner.close(); }
};

}  // namespace

CONFORMANCE(AnyStream, CarriesATcpStream) {
  stream_pair p = co_await connect_pair();
  const endpoint peer = p.client.remote_endpoint();
  any_stream a(std::move(p.client));
  any_stream b;
  b = any_stream(std::move(p.server));
  EXPECT_EQ(a.remote_endpoint(), peer);
  EXPECT_EQ(b.local_endpoint(), peer);
  EXPECT_NE(a.get_if<tcp_stream>(), nullptr);
  EXPECT_EQ(a.get_if<net::memory_stream>(), nullptr);
  co_await a.write_all(bytes_of("over "));
  EXPECT_GE(co_await a.write_some(bytes_of("tcp")), 1U);
  co_await a.shutdown_write();
  EXPECT_TRUE((co_await read_all(b)).starts_with("over "));
  EXPECT_TRUE(b.readable_now());
  a.close();
  EXPECT_FALSE(a.is_open());
  EXPECT_EQ((co_await as_result(a.write_all(bytes_of("x")))).code(), io_errc::closed);
}

CONFORMANCE(AnyStream, CarriesWhateverIsAByteStream) {
  auto [one, other] = net::make_memory_streams();
  any_stream a(plain_stream{std::move(one)});
  any_stream b(std::move(other));
  EXPECT_FALSE(a.readable_now());
  EXPECT_EQ(a.remote_endpoint(), endpoint());
  co_await a.write_all(bytes_of("text"));
  a.close();
  EXPECT_TRUE(a.readable_now());
  EXPECT_FALSE(a.is_open());
  EXPECT_EQ(co_await read_all(b), "text");
}

CONFORMANCE(AnyStream, IsClosedWhileItHoldsNothing) {
  any_stream s;
  std::array<std::byte, 4> buffer{};
  EXPECT_FALSE(s.is_open());
  EXPECT_TRUE(s.readable_now());
  EXPECT_EQ((co_await as_result(s.read_some(buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(s.write_some(buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(s.write_all(buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(s.shutdown_write())).code(), io_errc::closed);
  s.close();
}

CONFORMANCE(AnyStream, GoesOnWhenItIsMovedUnderAReader) {
  stream_pair p = co_await connect_pair();
  any_stream a(std::move(p.server));
  any_stream moved;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      EXPECT_EQ(co_await a.read_some(buffer), 5U);
    });
    co_await sleep_for(1ms);
    moved = std::move(a);
    co_await write_text(p.client, "still");
  });
  EXPECT_TRUE(moved.is_open());
}

CONFORMANCE_RUNS(CancelEveryWait, AnyStream) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    any_stream a(std::move(p.client));
    any_stream b(std::move(p.server));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_EQ(co_await read_all(b), "onetwo"); });
      co_await a.write_all(bytes_of("one"));
      co_await sleep_for(100us);
      co_await a.write_all(bytes_of("two"));
      co_await a.shutdown_write();
    });
  });
  EXPECT_GE(n.at_rest, 3U);
}
