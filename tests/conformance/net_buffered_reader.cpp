// buffered_reader: lines and counts, limits at the bound and one past, and nothing lost.
#include "net/net_support.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::buffered_reader;

namespace {

std::string text_of(std::span<const std::byte> b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// A peer that has sent `text` and closed.
task<tcp_stream> sent(std::string text) {
  stream_pair p = co_await connect_pair();
  co_await write_text(p.client, text);
  co_await p.client.shutdown_write();
  co_return std::move(p.server);
}

}  // namespace

CONFORMANCE(BufferedReader, ReadsLines) {
  tcp_stream s = co_await sent("one\r\ntwo\n\n\r\nlast");
  buffered_reader in(s);
  EXPECT_EQ(co_await in.read_line(100), "one");
  EXPECT_EQ(co_await in.read_line(100), "two");
  EXPECT_EQ(co_await in.read_line(100), "");
  EXPECT_EQ(co_await in.read_line(100), "");
  EXPECT_EQ(co_await in.read_line(100), "last");
  bool ended = false;
  try {
    co_await in.read_line(100);
  } catch (const net::unexpected_end&) {
    ended = true;
  }
  EXPECT_TRUE(ended);
}

CONFORMANCE(BufferedReader, ReadsUntilADelimiterThatComesInPieces) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{16}}) {
    tcp_stream s = co_await sent("head\r\n\r\nbody");
    buffered_reader in(s, chunk);
    EXPECT_EQ(co_await in.read_until("\r\n\r\n", 100), "head\r\n\r\n");
    EXPECT_EQ(text_of(co_await in.read_exactly(4)), "body");
  }
}

CONFORMANCE(BufferedReader, TakesALineAtItsLimitAndNotOnePast) {
  {
    tcp_stream s = co_await sent("12345\n");
    buffered_reader in(s);
    EXPECT_EQ(co_await in.read_line(6), "12345");  // the LF counts
  }
  {
    tcp_stream s = co_await sent("12345\n");
    buffered_reader in(s);
    bool refused = false;
    try {
      co_await in.read_line(5);
    } catch (const net::limit_exceeded& e) {
      refused = true;
      EXPECT_NE(std::string(e.what()).find("5 bytes"), std::string::npos) << e.what();
    }
    EXPECT_TRUE(refused);
    EXPECT_EQ(co_await in.read_line(6), "12345");  // nothing was lost
  }
  {
    tcp_stream s = co_await sent(std::string(50'000, 'x'));  // no delimiter at all: bounded
    buffered_reader in(s);
    bool refused = false;
    try {
      co_await in.read_until("\n", 1000);
    } catch (const net::limit_exceeded&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    EXPECT_LE(in.buffered().size(), 64U * 1024);
  }
}

CONFORMANCE(BufferedReader, ReadsExactCounts) {
  const std::string all = pattern(60'000);
  tcp_stream s = co_await sent(all);
  buffered_reader in(s, 1000);
  EXPECT_EQ(text_of(co_await in.read_exactly(0)), "");
  EXPECT_EQ(text_of(co_await in.read_exactly(1)), all.substr(0, 1));
  EXPECT_EQ(text_of(co_await in.read_exactly(30'000)), all.substr(1, 30'000));
  bool ended = false;
  try {
    co_await in.read_exactly(30'000);
  } catch (const net::unexpected_end&) {
    ended = true;
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(text_of(co_await in.read_exactly(29'999)), all.substr(30'001));
}

CONFORMANCE(BufferedReader, LooksAheadWithoutTaking) {
  tcp_stream s = co_await sent("abc");
  buffered_reader in(s);
  EXPECT_EQ(text_of(co_await in.peek()).substr(0, 1), "a");
  in.consume(1);
  EXPECT_EQ(text_of(co_await in.read_exactly(2)), "bc");
  EXPECT_TRUE((co_await in.peek()).empty());
  in.consume(10);  // more than there is: nothing
  EXPECT_TRUE(in.buffered().empty());
}

CONFORMANCE(BufferedReader, LosesNothingToACancelledRead) {
  stream_pair p = co_await connect_pair();
  const std::string sent = pattern(50'000);
  std::string got;
  int cancelled = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t i = 0; i < sent.size(); i += 500) {
        co_await write_text(p.client, std::string_view(sent).substr(i, 500));
        co_await sleep_for(50us);
      }
    });
    buffered_reader in(p.server, 100);
    while (got.size() < sent.size()) {
      auto piece = co_await try_for(30us, in.read_exactly(1000));
      if (piece)
        got += text_of(*piece);
      else
        ++cancelled;
    }
  });
  EXPECT_GT(cancelled, 0);
  EXPECT_TRUE(got == sent);
}
