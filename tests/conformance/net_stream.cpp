// Streams: what is read is what was written, whatever the sizes, the ends and the errors.
#include "net/net_support.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <array>
#include <optional>
#include <random>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

static_assert(net::byte_stream<tcp_stream>);

// --- reading and writing -------------------------------------------------------------------------

CONFORMANCE(Stream, ReadsWhatThePeerWrote) {
  stream_pair p = co_await connect_pair();
  co_await write_text(p.client, "to the server");
  EXPECT_EQ(co_await read_text(p.server, 13), "to the server");
  co_await write_text(p.server, "and back");
  EXPECT_EQ(co_await read_text(p.client, 8), "and back");
}

CONFORMANCE(Stream, WritesAtLeastOneByteAndSaysHowMany) {
  stream_pair p = co_await connect_pair();
  const std::size_t n = co_await p.client.write_some(bytes_of("four"));
  EXPECT_GE(n, 1U);
  EXPECT_LE(n, 4U);
  EXPECT_EQ(co_await read_text(p.server, n), std::string_view("four").substr(0, n));
}

CONFORMANCE(Stream, TakesEmptyBuffersForNothingToDo) {
  stream_pair p = co_await connect_pair();
  EXPECT_EQ(co_await p.client.read_some({}), 0U);
  EXPECT_EQ(co_await p.client.write_some({}), 0U);
  co_await p.client.write_all({});
}

CONFORMANCE(Stream, ReadsTheEndAfterTheData) {
  stream_pair p = co_await connect_pair();
  co_await write_text(p.client, "last words");
  co_await p.client.shutdown_write();
  EXPECT_EQ(co_await read_text(p.server), "last words");
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(co_await p.server.read_some(buffer), 0U);  // and again
}

// Data and FIN come as one event: a reader that takes part of it must still find the end.
CONFORMANCE(Stream, FindsTheEndThatCameWithTheData) {
  for (const std::size_t read_size :
       {std::size_t{1}, std::size_t{3}, std::size_t{10}, std::size_t{11}, std::size_t{4096}}) {
    stream_pair p = co_await connect_pair();
    std::vector<std::byte> buffer(read_size);
    std::string got;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {  // waits before anything comes, so that the edge finds it waiting
        while (const std::size_t n = co_await p.server.read_some(buffer))
          got.append(reinterpret_cast<const char*>(buffer.data()), n);
      });
      co_await sleep_for(1ms);
      co_await write_text(p.client, "0123456789");
      p.client.close();
    });
    EXPECT_EQ(got, "0123456789");
  }
}

CONFORMANCE(Stream, GoesOnReadingAfterItsHalfWasClosed) {
  stream_pair p = co_await connect_pair();
  co_await p.client.shutdown_write();
  EXPECT_EQ(co_await read_text(p.server), "");
  co_await write_text(p.server, "still here");
  co_await p.server.shutdown_write();
  EXPECT_EQ(co_await read_text(p.client), "still here");
  const auto w = co_await as_result(p.client.write_some(bytes_of("x")));
  EXPECT_EQ(w.code(), system_code(EPIPE));
}

CONFORMANCE(Stream, CarriesBothDirectionsAtOnce) {
  stream_pair p = co_await connect_pair();
  const std::string there = pattern(1 << 20, 1);
  const std::string back = pattern(1 << 20, 2);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await write_text(p.client, there); });
    g.spawn([&]() -> task<> { co_await write_text(p.server, back); });
    g.spawn([&]() -> task<> { EXPECT_TRUE(co_await read_text(p.client, back.size()) == back); });
    g.spawn([&]() -> task<> { EXPECT_TRUE(co_await read_text(p.server, there.size()) == there); });
    co_return;
  });
}

namespace {

task<> carry_eight_mebibytes() {
  stream_pair p = co_await connect_pair();
  const std::string sent = pattern(8 << 20);
  std::string got;
  got.reserve(sent.size());
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await write_text(p.client, sent);
      co_await p.client.shutdown_write();
    });
    std::mt19937_64 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same run each time
    std::vector<std::byte> buffer(200'000);
    for (;;) {
      const std::size_t size =
          random() % 4 == 0 ? 1 + random() % 100 : 1 + random() % buffer.size();
      const std::size_t n = co_await p.server.read_some(std::span(buffer).first(size));
      if (n == 0) break;
      EXPECT_LE(n, size);
      got.append(reinterpret_cast<const char*>(buffer.data()), n);
    }
  });
  EXPECT_TRUE(got == sent);
}

}  // namespace

CONFORMANCE(Stream, CarriesEightMebibytesByteForByte) { co_await carry_eight_mebibytes(); }

TEST(StreamSimulated, CarriesEightMebibytesThroughShortTransfers) {
  simulation_options world;
  world.short_transfers(0.3).latency(0us, 2ms).seed(11);
  run_as(options_for(reactor_kind::simulated).simulation(world), carry_eight_mebibytes);
}

CONFORMANCE(Stream, CarriesWhatIsWrittenInSmallPieces) {
  stream_pair p = co_await connect_pair();
  const std::string sent = pattern(20'000);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t i = 0; i < sent.size(); i += 7)
        co_await write_text(p.client, std::string_view(sent).substr(i, 7));
      co_await p.client.shutdown_write();
    });
    EXPECT_TRUE(co_await read_text(p.server) == sent);
  });
}

// --- one reader and one writer -------------------------------------------------------------------

CONFORMANCE(Stream, RefusesASecondReaderAndASecondWriter) {
  stream_pair p = co_await connect_pair();
  co_await fill(p.client);
  co_await with_task_group([&](task_group& g) -> task<> {
    std::vector<join_handle<void>> first;
    first.push_back(g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      co_await p.client.read_some(buffer);
      ADD_FAILURE() << "nothing was sent";
    }));
    first.push_back(g.spawn([&]() -> task<> {
      co_await p.client.write_some(bytes_of("x"));
      ADD_FAILURE() << "the window was full";
    }));
    co_await sleep_for(1ms);
    std::array<std::byte, 8> buffer{};
    const auto reader = co_await as_result(p.client.read_some(buffer));
    EXPECT_EQ(reader.code(), io_errc::busy);
    const auto writer = co_await as_result(p.client.write_some(bytes_of("y")));
    EXPECT_EQ(writer.code(), io_errc::busy);
    for (auto& h : first) h.cancel();
  });
}

// --- closing -------------------------------------------------------------------------------------

CONFORMANCE(Stream, EndsItsReaderAndWriterWhenItIsClosed) {
  stream_pair p = co_await connect_pair();
  co_await fill(p.client);
  outcome<std::size_t> read;
  outcome<std::size_t> written;
  outcome<void> all;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      read = co_await as_result(p.client.read_some(buffer));
    });
    g.spawn([&]() -> task<> { written = co_await as_result(p.client.write_some(bytes_of("x"))); });
    co_await sleep_for(1ms);
    p.client.close();
    EXPECT_FALSE(p.client.is_open());
  });
  EXPECT_EQ(read.code(), io_errc::closed);
  EXPECT_EQ(written.code(), io_errc::closed);
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(p.client.write_all(bytes_of("x")))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(p.client.shutdown_write())).code(), io_errc::closed);
  p.client.close();  // twice does nothing
}

CONFORMANCE(Stream, TellsThePeerWhenItIsClosedUnderAReader) {
  stream_pair p = co_await connect_pair();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), io_errc::closed);
    });
    co_await sleep_for(1ms);
    p.client.close();
  });
  EXPECT_EQ(co_await read_text(p.server), "");
}

CONFORMANCE(Stream, ThatWasMovedFromIsClosed) {
  stream_pair p = co_await connect_pair();
  tcp_stream other = std::move(p.client);
  EXPECT_FALSE(p.client.is_open());  // NOLINT(bugprone-use-after-move)
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), io_errc::closed);
  co_await write_text(other, "moved");
  EXPECT_EQ(co_await read_text(p.server, 5), "moved");
  other = std::move(p.server);  // the one it had is closed
  EXPECT_TRUE(other.is_open());
}

CONFORMANCE(Stream, MadeFromNothingIsClosed) {
  tcp_stream none;
  EXPECT_FALSE(none.is_open());
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ((co_await as_result(none.read_some(buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(none.write_some(bytes_of("x")))).code(), io_errc::closed);
  EXPECT_TRUE(none.readable_now());  // a read would not wait
}

// A number that was closed is taken again at once; an operation meant for the old descriptor must
// never reach the new one, nor an event of the old one wake it.
CONFORMANCE(Stream, NeverReachesTheDescriptorThatTookItsNumber) {
  tcp_listener listener = listen_here();
  const int rounds = long_run() ? 2000 : 200;
  for (int i = 0; i < rounds; ++i) {
    stream_pair old = co_await connect_pair(listener);
    const int number = old.client.native().get().fd;
    const std::string stale = "stale bytes of round " + std::to_string(i);
    std::array<std::byte, 64> stale_buffer{};
    outcome<std::size_t> stale_read;
    outcome<std::size_t> stale_write;
    std::string got;
    co_await with_task_group([&](task_group& g) -> task<> {
      // The operations start when these take their first steps; the close comes before, in, or
      // after that turn.
      g.spawn(
          [&]() -> task<> { stale_read = co_await as_result(old.client.read_some(stale_buffer)); });
      g.spawn([&]() -> task<> {
        stale_write = co_await as_result(old.client.write_some(bytes_of(stale)));
      });
      for (int turns = i % 4; turns > 0; --turns) co_await yield_now();
      if (i % 3 == 0) co_await write_text(old.server, "unread");
      old.client.close();
      stream_pair fresh = co_await connect_pair(listener);
      if (reactor == reactor_kind::simulated) {
        EXPECT_EQ(fresh.client.native().get().fd, number);
      }
      const std::string sent = "fresh bytes of round " + std::to_string(i);
      co_await write_text(fresh.client, sent);
      EXPECT_EQ(co_await read_text(fresh.server, sent.size()), sent);
      co_await write_text(fresh.server, sent);
      got = co_await read_text(fresh.client, sent.size());
      EXPECT_EQ(got, sent);
      co_await fresh.client.shutdown_write();
      EXPECT_EQ(co_await read_text(fresh.server), "");
    });
    EXPECT_TRUE(stale_read.code() == io_errc::closed || stale_read.has_value())
        << stale_read.code();
    EXPECT_TRUE(stale_write.code() == io_errc::closed || stale_write.has_value())
        << stale_write.code();
  }
}

CONFORMANCE_RUNS(Stream, MayOutliveItsLoop) {
  stream_pair kept;
  tcp_listener listener;
  run_on(reactor, [&]() -> task<> {
    listener = listen_here();
    kept = co_await connect_pair(listener);
    co_await write_text(kept.client, "before");
  });
  EXPECT_TRUE(kept.client.is_open());
  kept.server.close();  // outside any loop
  run_on(reactor, [&]() -> task<> {
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ((co_await as_result(kept.client.read_some(buffer))).code(), io_errc::closed);
    EXPECT_EQ((co_await as_result(kept.client.write_all(bytes_of("x")))).code(), io_errc::closed);
    EXPECT_EQ((co_await as_result(listener.accept())).code(), io_errc::closed);
    EXPECT_TRUE(kept.client.readable_now());
    kept.client.close();  // inside another one's
  });
  listener = {};
}

// --- errors told apart ---------------------------------------------------------------------------

ON_KERNEL_REACTORS(Stream, TellsAResetFromAnEnd) {
  run_on(reactor, []() -> task<> {
    {
      stream_pair p = co_await connect_pair();
      reset_on_close(p.server);
      p.server.close();
      std::array<std::byte, 8> buffer{};
      EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), system_code(ECONNRESET));
      EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("x")))).code(),
                system_code(EPIPE));
    }
    {
      stream_pair p = co_await connect_pair();  // found by the writer first
      reset_on_close(p.server);
      p.server.close();
      while (!p.client.readable_now()) co_await yield_now();
      EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("x")))).code(),
                system_code(ECONNRESET));
      EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("x")))).code(),
                system_code(EPIPE));
    }
  });
}

// Closing with data unread resets the connection (RFC 9293, section 3.10.4).
CONFORMANCE(Stream, IsResetWhenThePeerLeavesDataUnread) {
  stream_pair p = co_await connect_pair();
  co_await write_text(p.client, "unread");
  while (!p.server.readable_now()) co_await sleep_for(1ms);
  p.server.close();
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), system_code(ECONNRESET));
  EXPECT_EQ(co_await p.client.read_some(buffer), 0U);  // told once, as the kernel does
  EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("x")))).code(), system_code(EPIPE));
}

CONFORMANCE(Stream, LetsAWriterFindTheReset) {
  stream_pair p = co_await connect_pair();
  co_await write_text(p.client, "unread");
  while (!p.server.readable_now()) co_await sleep_for(1ms);
  p.server.close();
  while (!p.client.readable_now()) co_await sleep_for(1ms);
  EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("x")))).code(),
            system_code(ECONNRESET));
  EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("x")))).code(), system_code(EPIPE));
}

// What is written to one that has closed is answered by a reset: the next write breaks, and never a
// signal.
CONFORMANCE(Stream, BreaksForAWriterWhosePeerIsGone) {
  stream_pair p = co_await connect_pair();
  p.server.close();
  std::error_code code;
  for (int i = 0; i < 1000 && !code; ++i) {
    code = (co_await as_result(p.client.write_some(bytes_of("x")))).code();
    co_await sleep_for(1ms);
  }
  EXPECT_TRUE(code == system_code(EPIPE) || code == system_code(ECONNRESET)) << code;
}

CONFORMANCE(Stream, NamesWhatFailedInItsError) {
  stream_pair p = co_await connect_pair();
  p.client.close();
  std::string said;
  try {
    std::array<std::byte, 8> buffer{};
    co_await p.client.read_some(buffer);
  } catch (const std::system_error& e) {
    said = e.what();
  }
  EXPECT_NE(said.find("read"), std::string::npos) << said;
  EXPECT_NE(said.find("closed"), std::string::npos) << said;
}

// --- cancelling ----------------------------------------------------------------------------------

CONFORMANCE(Stream, LosesNoByteToACancelledRead) {
  stream_pair p = co_await connect_pair();
  const std::string sent = pattern(200'000);
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t i = 0; i < sent.size(); i += 1000) {
        co_await write_text(p.client, std::string_view(sent).substr(i, 1000));
        if (i % 20'000 == 0) co_await sleep_for(100us);
      }
      co_await p.client.shutdown_write();
    });
    std::vector<std::byte> buffer(777);
    int cancelled = 0;
    for (bool end = false; !end;) {
      const auto n = co_await try_for(20us, p.server.read_some(buffer));
      cancelled += !n;
      if (n) got.append(reinterpret_cast<const char*>(buffer.data()), *n);
      end = n && *n == 0;
    }
    EXPECT_GT(cancelled, 0);
  });
  EXPECT_TRUE(got == sent);
}

CONFORMANCE(Stream, BreaksItsWriteSideWhenAWriteIsCancelledHalfWay) {
  stream_pair p = co_await connect_pair();
  const std::string much(8 << 20, 'x');
  EXPECT_FALSE(co_await try_for(10ms, write_text(p.client, much)));
  EXPECT_EQ((co_await as_result(p.client.write_all(bytes_of("more")))).code(),
            io_errc::write_broken);
  EXPECT_EQ((co_await as_result(p.client.write_some(bytes_of("more")))).code(),
            io_errc::write_broken);
  co_await write_text(p.server, "reading goes on");
  EXPECT_EQ(co_await read_text(p.client, 15), "reading goes on");
  p.client.close();
}

CONFORMANCE(Stream, DoesNotBreakWhenNothingOfAWriteHadStarted) {
  stream_pair p = co_await connect_pair();
  EXPECT_FALSE(co_await try_for(0ns, write_text(p.client, "never")));
  co_await write_text(p.client, "whole");
  co_await p.client.shutdown_write();
  EXPECT_EQ(co_await read_text(p.server), "whole");
}

CONFORMANCE(Stream, SaysWhatACancelledWriteSomeSent) {
  stream_pair p = co_await connect_pair();
  const std::string piece(64 * 1024, 'x');
  std::size_t sent = co_await fill(p.client);
  EXPECT_FALSE(co_await try_for(1ms, p.client.write_some(bytes_of(piece))));  // nothing went
  co_await p.client.shutdown_write();
  EXPECT_EQ((co_await read_text(p.server)).size(), sent);
}

// --- costs ---------------------------------------------------------------------------------------

namespace {

task<> ping_pong(stream_pair& p, int rounds) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&, rounds]() -> task<> {
      std::array<std::byte, 256> buffer{};
      for (int i = 0; i < rounds; ++i) {
        const std::size_t n = co_await p.server.read_some(buffer);
        co_await p.server.write_all(std::span(buffer).first(n));
      }
    });
    std::array<std::byte, 256> buffer{};
    for (int i = 0; i < rounds; ++i) {
      co_await p.client.write_all(bytes_of("ping"));
      co_await p.client.read_some(buffer);
    }
  });
}

}  // namespace

#ifndef RONDO_TEST_SANITIZED
ON_KERNEL_REACTORS(Stream, AllocatesNothingForAReadOrAWrite) {
  run_on(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await ping_pong(p, 10);
    const auto few_before = allocations();
    co_await ping_pong(p, 10);
    const auto few = allocations() - few_before;
    const auto many_before = allocations();
    co_await ping_pong(p, 1000);
    EXPECT_EQ(allocations() - many_before, few);  // the group's, and nothing for 990 rounds more
  });
}
#endif

CONFORMANCE(Stream, CountsWhatItsReactorDoes) {
  stream_pair p = co_await connect_pair();
  co_await ping_pong(p, 10);
  const loop_stats before = this_loop().stats();
  co_await ping_pong(p, 100);
  const loop_stats after = this_loop().stats();
  EXPECT_EQ(after.submissions - before.submissions, 400U);
  EXPECT_EQ(after.completions - before.completions, 400U);
  EXPECT_EQ(after.overflows, 0U);
  if (reactor == reactor_kind::simulated) {
    EXPECT_EQ(after.system_calls, 0U);
  } else {
    EXPECT_GT(after.system_calls, before.system_calls);
    // epoll: at most a failed try, a wait and the operation for each of 400
    EXPECT_LE(after.system_calls - before.system_calls,
              reactor == reactor_kind::epoll ? 1200U : 410U);
  }
}

CONFORMANCE(Stream, LeavesAnIdleLoopAsleep) {
  stream_pair p = co_await connect_pair();
  std::uint64_t turns = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reader = g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      co_await p.server.read_some(buffer);
    });
    co_await sleep_for(1ms);
    const auto before = this_loop().stats().turns;
    co_await sleep_for(30ms);
    turns = this_loop().stats().turns - before;
    reader.cancel();
  });
  EXPECT_LE(turns, 20U);  // a wait may end a little early on a busy machine, and is taken up again
}
