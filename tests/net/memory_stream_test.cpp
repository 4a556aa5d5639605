#include <rondo/net/memory_stream.hpp>

#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/net/buffered_reader.hpp>

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::make_memory_streams;

namespace {

task<std::string> read_all(net::memory_stream& s, std::size_t piece = 4096) {
  std::string text;
  std::vector<std::byte> buffer(piece);
  while (const std::size_t n = co_await s.read_some(buffer))
    text.append(reinterpret_cast<const char*>(buffer.data()), n);
  co_return text;
}

}  // namespace

TEST(MemoryStream, CarriesBytesBothWaysAndHalfCloses) {
  simulate([]() -> task<> {
    auto [a, b] = make_memory_streams();
    co_await a.write_all(bytes_of("ping"));
    co_await a.shutdown_write();
    EXPECT_EQ(co_await read_all(b), "ping");
    co_await b.write_all(bytes_of("pong"));
    b.close();
    EXPECT_EQ(co_await read_all(a), "pong");
    EXPECT_FALSE(b.is_open());
    EXPECT_TRUE(a.is_open());
  });
}

TEST(MemoryStream, HoldsAWriterBackWhenItsWindowIsFull) {
  simulate([]() -> task<> {
    auto [a, b] = make_memory_streams(8);
    EXPECT_EQ(co_await a.write_some(bytes_of("0123456789")), 8U);
    EXPECT_FALSE(co_await try_for(1ms, a.write_some(bytes_of("x"))));
    std::array<std::byte, 3> three{};
    EXPECT_EQ(co_await b.read_some(three), 3U);
    EXPECT_EQ(co_await a.write_some(bytes_of("abcdef")), 3U);
  });
}

TEST(MemoryStream, MovesALongTextThroughASmallWindowUnchanged) {
  simulate([]() -> task<> {
    for (const std::size_t largest : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      auto [a, b] = make_memory_streams(13, largest);
      const std::string sent = pattern(10'000);
      std::string got;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> { got = co_await read_all(b, 5); });
        co_await a.write_all(bytes_of(sent));
        co_await a.shutdown_write();
      });
      EXPECT_EQ(got, sent);
    }
  });
}

TEST(MemoryStream, TellsAWriterThatItsPeerIsGone) {
  simulate([]() -> task<> {
    auto [a, b] = make_memory_streams(4);
    outcome<void> waiting;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { waiting = co_await as_result(a.write_all(bytes_of("123456"))); });
      co_await sleep_for(1ms);
      b.close();
    });
    EXPECT_EQ(waiting.code(), system_code(EPIPE));
    EXPECT_EQ((co_await as_result(a.write_some(bytes_of("x")))).code(), system_code(EPIPE));
  });
}

TEST(MemoryStream, RefusesASecondReaderAndEndsTheFirstWhenItIsClosed) {
  simulate([]() -> task<> {
    auto [a, b] = make_memory_streams();
    std::array<std::byte, 4> buffer{};
    outcome<std::size_t> first;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { first = co_await as_result(a.read_some(buffer)); });
      co_await sleep_for(1ms);
      std::array<std::byte, 4> other{};
      EXPECT_EQ((co_await as_result(a.read_some(other))).code(), io_errc::busy);
      a.close();
    });
    EXPECT_EQ(first.code(), io_errc::closed);
    EXPECT_EQ((co_await as_result(a.read_some(buffer))).code(), io_errc::closed);
    EXPECT_EQ((co_await as_result(a.shutdown_write())).code(), io_errc::closed);
  });
}

TEST(MemoryStream, BreaksItsWriteSideWhenAWriteIsCancelledOnItsWay) {
  simulate([]() -> task<> {
    auto [a, b] = make_memory_streams(4);
    EXPECT_FALSE(co_await try_for(1ms, a.write_all(bytes_of("123456"))));
    EXPECT_EQ((co_await as_result(a.write_some(bytes_of("x")))).code(), io_errc::write_broken);
    std::array<std::byte, 4> buffer{};
    EXPECT_EQ(co_await b.read_some(buffer), 4U);
  });
}

TEST(MemoryStream, NeedsRoom) {
  EXPECT_THROW(make_memory_streams(0), std::invalid_argument);
  EXPECT_THROW(make_memory_streams(1, 0), std::invalid_argument);
}

TEST(MemoryStream, LosesNothingWhereverItIsCancelled) {
  const std::string sent = pattern(40);
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        got.clear();
        auto [a, b] = make_memory_streams(7);
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn(
              [](net::memory_stream from, std::string& to) -> task<> {
                std::array<std::byte, 3> buffer{};
                while (const std::size_t size = co_await from.read_some(buffer)) {
                  to.append(reinterpret_cast<const char*>(buffer.data()), size);
                  co_await yield_now();
                }
              },
              std::move(b), std::ref(got));
          co_await a.write_all(bytes_of(sent));
          a.close();
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(sent.starts_with(got));
        if (r.has_value()) {
          EXPECT_EQ(got, sent);
        }
      });
  EXPECT_GE(n.at_rest, 5U);
}
