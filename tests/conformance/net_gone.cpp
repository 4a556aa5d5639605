// A peer that goes away, heard of beside whoever reads and writes.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <array>
#include <optional>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::hang_up;
using net::unix_stream;

namespace net_gone {
namespace {

// What has been written has come, or the end has.
template <class S>
task<> until_readable(const S& s) {
  while (!s.readable_now()) co_await sleep_for(100us);
}

// The peer closes with bytes unread, which is a reset (RFC 9293, 3.10.4).
task<> reset(tcp_stream& by, tcp_stream& of) {
  co_await write_text(of, "unread");
  co_await until_readable(by);
  by.close();
}

// A task that waits for `s` to lose its peer.
template <class S>
class watcher {
 public:
  watcher(task_group& g, S& s, hang_up least = hang_up::half)
      : waiting_(g.spawn([this, &s, least]() -> task<> {
          result_ = co_await as_result(s.gone(least));
          told_.set();
        })) {}
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;
  bool is_told() const { return result_.has_value(); }
  task<hang_up> told() {
    co_await told_.wait();
    co_return result_->value();
  }
  task<std::error_code> failed() {
    co_await told_.wait();
    co_return result_->code();
  }
  task<> cancel() {
    waiting_.cancel();
    (void)co_await waiting_.join();
  }

 private:
  std::optional<outcome<hang_up>> result_;
  event told_;
  join_handle<void> waiting_;
};

}  // namespace

CONFORMANCE(Gone, IsHalfWhenThePeerCloses) {
  stream_pair p = co_await connect_pair();
  co_await with_task_group([&](task_group& g) -> task<> {
    watcher w(g, p.server);
    co_await sleep_for(1ms);
    EXPECT_FALSE(w.is_told());
    p.client.close();
    EXPECT_EQ(co_await w.told(), hang_up::half);
  });
}

CONFORMANCE(Gone, IsFullWhenThePeerResets) {
  for (const hang_up least : {hang_up::half, hang_up::full}) {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      watcher w(g, p.server, least);
      co_await reset(p.client, p.server);
      EXPECT_EQ(co_await w.told(), hang_up::full);
    });
  }
}

CONFORMANCE(Gone, LeavesWhatHasComeToTheReader) {
  stream_pair p = co_await connect_pair();
  co_await write_text(p.client, "last words");
  p.client.close();
  EXPECT_EQ(co_await p.server.gone(), hang_up::half);
  EXPECT_EQ(co_await read_text(p.server), "last words");
  EXPECT_EQ(co_await p.server.gone(), hang_up::half);  // it is still so
}

CONFORMANCE(Gone, OfAHalfClosedPeerIsFullOnceItIsResetOrWeCloseToo) {
  for (const bool by_reset : {true, false}) {
    stream_pair p = co_await connect_pair();
    co_await p.client.shutdown_write();
    EXPECT_EQ(co_await p.server.gone(), hang_up::half);
    co_await with_task_group([&](task_group& g) -> task<> {
      watcher w(g, p.server, hang_up::full);
      co_await sleep_for(1ms);
      EXPECT_FALSE(w.is_told());
      if (by_reset)
        co_await reset(p.client, p.server);
      else
        co_await p.server.shutdown_write();
      EXPECT_EQ(co_await w.told(), hang_up::full);
    });
  }
}

CONFORMANCE(Gone, IsNotForBytes) {
  stream_pair p = co_await connect_pair();
  co_await with_task_group([&](task_group& g) -> task<> {
    watcher w(g, p.server);
    for (int i = 0; i < 50; ++i) {
      co_await write_text(p.client, "ping");
      EXPECT_EQ(co_await read_text(p.server, 4), "ping");
      co_await write_text(p.server, "pong");
      EXPECT_EQ(co_await read_text(p.client, 4), "pong");
    }
    EXPECT_FALSE(w.is_told());
    p.client.close();
    EXPECT_EQ(co_await w.told(), hang_up::half);
  });
}

CONFORMANCE(Gone, WaitsBesideAReaderAndAWriter) {
  stream_pair p = co_await connect_pair();
  co_await fill(p.server);
  outcome<std::size_t> read(std::in_place, std::size_t{1});
  outcome<std::size_t> written(std::in_place, std::size_t{1});
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      read = co_await as_result(p.server.read_some(buffer));
    });
    g.spawn(
        [&]() -> task<> { written = co_await as_result(p.server.write_some(bytes_of("more"))); });
    watcher w(g, p.server, hang_up::full);
    co_await sleep_for(1ms);
    EXPECT_FALSE(w.is_told());
    p.client.close();  // with much unread: a reset
    EXPECT_EQ(co_await w.told(), hang_up::full);
  });
  EXPECT_TRUE(read.has_error() || read.value() == 0);
  EXPECT_TRUE(written.has_error());
}

CONFORMANCE(Gone, RefusesASecondWaiter) {
  stream_pair p = co_await connect_pair();
  co_await with_task_group([&](task_group& g) -> task<> {
    watcher first(g, p.server);
    co_await sleep_for(100us);
    EXPECT_EQ((co_await as_result(p.server.gone())).code(), io_errc::busy);
    p.client.close();
    EXPECT_EQ(co_await first.told(), hang_up::half);
  });
}

CONFORMANCE(Gone, EndsWithClosedWhenItsStreamIsClosed) {
  stream_pair p = co_await connect_pair();
  co_await with_task_group([&](task_group& g) -> task<> {
    watcher at_once(g, p.server);
    co_await yield_now();
    watcher later(g, p.client);
    co_await sleep_for(1ms);
    p.server.close();
    EXPECT_EQ(co_await at_once.failed(), io_errc::closed);
    EXPECT_EQ(co_await later.told(), hang_up::half);
  });
  EXPECT_EQ((co_await as_result(p.server.gone())).code(), io_errc::closed);
}

// On io_uring a poll stays armed when its waiter is cancelled. It must neither hold the connection
// open nor reach whoever has the number next.
CONFORMANCE(Gone, CancelledHoldsNoConnectionOpen) {
  tcp_listener listener = listen_here();
  for (int i = 0; i < 20; ++i) {
    stream_pair p = co_await connect_pair(listener);
    const bool handed_over = i % 2 == 0;
    if (handed_over)
      EXPECT_FALSE(co_await try_for(100us, p.server.gone()));
    else
      co_await with_task_group([&](task_group& g) -> task<> {
        watcher w(g, p.server);
        co_await yield_now();
        co_await w.cancel();
      });
    p.server.close();
    stream_pair next = co_await connect_pair(listener);
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(co_await p.client.read_some(buffer), 0U) << "in round " << i;
    EXPECT_FALSE(co_await try_for(100us, next.server.gone())) << "in round " << i;
  }
}

CONFORMANCE(Gone, CancelledManyTimesIsToldInTheEnd) {
  stream_pair p = co_await connect_pair();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(co_await try_for(10us, p.server.gone()));
  p.client.close();
  EXPECT_EQ(co_await p.server.gone(), hang_up::half);
}

// What one waiter asked for does not bind the next.
CONFORMANCE(Gone, AsksForWhatTheLatestWaiterWants) {
  {
    stream_pair p = co_await connect_pair();
    EXPECT_FALSE(co_await try_for(100us, p.server.gone(hang_up::full)));
    co_await with_task_group([&](task_group& g) -> task<> {
      watcher w(g, p.server, hang_up::half);
      co_await sleep_for(100us);
      co_await p.client.shutdown_write();
      EXPECT_EQ(co_await w.told(), hang_up::half);
    });
  }
  {
    stream_pair p = co_await connect_pair();
    EXPECT_FALSE(co_await try_for(100us, p.server.gone(hang_up::half)));
    co_await with_task_group([&](task_group& g) -> task<> {
      watcher w(g, p.server, hang_up::full);
      co_await sleep_for(100us);
      co_await p.client.shutdown_write();
      co_await until_readable(p.server);
      co_await sleep_for(100us);
      EXPECT_FALSE(w.is_told());
      co_await reset(p.client, p.server);
      EXPECT_EQ(co_await w.told(), hang_up::full);
    });
  }
}

// The peer closes and the waiter is cancelled in one moment: it was told, or the next is.
CONFORMANCE(Gone, AtTheInstantOfACancellationIsHeardOrStays) {
  for (int round = 0; round < 40; ++round) {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      watcher w(g, p.server);
      co_await sleep_for(100us);
      p.client.close();
      if (reactor == reactor_kind::simulated)
        co_await sleep_for(std::chrono::microseconds(round * 5));
      else if (round % 2)
        co_await yield_now();
      co_await w.cancel();
      if (w.is_told()) EXPECT_EQ(co_await w.told(), hang_up::half);
      EXPECT_EQ(co_await p.server.gone(), hang_up::half);
    });
  }
}

// More than io_uring's queue has room for.
CONFORMANCE(Gone, OfSixHundredStreamsAtOnce) {
  std::vector<std::pair<unix_stream, unix_stream>> all;
  for (int i = 0; i < 600; ++i) all.push_back(unix_stream::pair());
  int told = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (auto& [mine, other] : all)
      g.spawn([&]() -> task<> {
        EXPECT_EQ(co_await mine.gone(), hang_up::full);
        ++told;
      });
    co_await sleep_for(1ms);
    EXPECT_EQ(told, 0);
    for (auto& [mine, other] : all) other.close();
  });
  EXPECT_EQ(told, 600);
}

CONFORMANCE(Gone, OfAUnixPeerTellsAHalfCloseFromAClose) {
  auto [mine, other] = unix_stream::pair();
  co_await other.shutdown_write();
  EXPECT_EQ(co_await mine.gone(), hang_up::half);
  co_await with_task_group([&mine = mine, &other = other](task_group& g) -> task<> {
    watcher w(g, mine, hang_up::full);
    co_await sleep_for(100us);
    EXPECT_FALSE(w.is_told());
    other.close();
    EXPECT_EQ(co_await w.told(), hang_up::full);
  });
}

CONFORMANCE(Gone, OfAnyStream) {
  stream_pair p = co_await connect_pair();
  net::any_stream s(std::move(p.server));
  EXPECT_FALSE(co_await try_for(100us, s.gone()));
  p.client.close();
  EXPECT_EQ(co_await s.gone(), hang_up::half);
  net::any_stream nothing;
  EXPECT_EQ((co_await as_result(nothing.gone())).code(), io_errc::closed);
}

CONFORMANCE(Gone, OfAStreamInMemory) {
  auto [a, b] = net::make_memory_streams();
  co_await b.write_all(bytes_of("unread"));
  EXPECT_FALSE(co_await try_for(100us, a.gone()));
  co_await with_task_group([&a = a, &b = b](task_group& g) -> task<> {
    watcher w(g, a);
    co_await yield_now();
    EXPECT_EQ((co_await as_result(a.gone())).code(), io_errc::busy);
    co_await b.shutdown_write();
    EXPECT_EQ(co_await w.told(), hang_up::half);
    watcher full(g, a, hang_up::full);
    co_await yield_now();
    EXPECT_FALSE(full.is_told());
    b.close();
    EXPECT_EQ(co_await full.told(), hang_up::full);
    watcher at_rest(g, b);
    EXPECT_EQ(co_await at_rest.failed(), io_errc::closed);
  });
}

CONFORMANCE_RUNS(CancelEveryWait, Gone) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_EQ(co_await p.server.gone(), hang_up::half); });
      g.spawn([&]() -> task<> {
        std::array<std::byte, 8> buffer{};
        while (co_await p.server.read_some(buffer) > 0) {
        }
      });
      for (int i = 0; i < 3; ++i) {
        co_await sleep_for(50us);
        co_await write_text(p.client, "abc");
      }
      p.client.close();
    });
  });
  EXPECT_GE(n.at_rest, 5U);
}

}  // namespace net_gone
