// What outlives a single wait: descriptors whose numbers are taken again, bytes and connections
// that came before anybody asked for them, and what each of them costs in system calls.
#include "net/net_support.hpp"
#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime/receive.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using detail::descriptor;
using detail::io_call;
using detail::operation_kind;

namespace {

std::string_view text_of(const received_bytes& piece) {
  return {reinterpret_cast<const char*>(piece.bytes().data()), piece.size()};
}

// --- closing -------------------------------------------------------------------------------------

// An operation without a task.
struct probe : detail::operation {
  probe(descriptor d, const io_call& call)
      : operation(d, call, [](operation& op) noexcept { static_cast<probe&>(op).arrived = true; }) {
  }
  // Receives into its own buffer, or into one that it is lent.
  probe(descriptor d, bool lent) : probe(d, io_call::recv_lent()) {
    if (!lent) static_cast<io_call&>(*this) = io_call::recv(bytes_.data(), bytes_.size());
  }
  void start() { arrived = detail::this_core().io().start(*this); }
  char first() const { return *static_cast<const char*>(buffer()); }
  void give_back() {
    if (kind() == operation_kind::recv_lent && result > 0)
      detail::this_core().io().give_back(take_lent());
  }
  std::array<char, 8> bytes_{};
  bool arrived = false;
};

struct raw_pair {
  raw_pair() {
    detail::reactor& io = detail::this_core().io();
    EXPECT_EQ(io.open_pair(SOCK_STREAM, fds), 0);
    ours = {fds[0], io.attach(fds[0], detail::transfers::stop_short_when_drained)};
  }
  void send(char c) const { EXPECT_EQ(::send(fds[1], &c, 1, MSG_NOSIGNAL), 1); }
  int fds[2] = {-1, -1};
  descriptor ours;
};

// An operation waits, or a stream brings bytes, when its descriptor is closed and another takes the
// number at once: neither the operation nor an event of the old one may reach the new.
task<> close_and_take_the_number(int rounds) {
  detail::reactor& io = detail::this_core().io();
  int taken_again = 0;
  for (int i = 0; i < rounds; ++i) {
    const bool lent = i % 2 == 0;
    const raw_pair old;
    probe stale(old.ours, lent);
    stale.start();
    if (i % 5 == 1) co_await yield_now();  // handed over to the kernel
    if (i % 3 == 0) old.send('x');         // its event is on its way
    if (i % 7 == 2) co_await yield_now();
    io.close(old.ours);
    const raw_pair fresh;
    taken_again += fresh.fds[0] == old.fds[0] ? 1 : 0;
    probe next(fresh.ours, lent);
    next.start();
    EXPECT_FALSE(next.arrived) << "in round " << i;
    if (i % 2) co_await yield_now();
    EXPECT_FALSE(next.arrived) << "in round " << i;
    fresh.send('y');
    while (!next.arrived || !stale.arrived) co_await yield_now();
    EXPECT_EQ(next.result, 1) << "in round " << i;
    if (next.result == 1) EXPECT_EQ(next.first(), 'y') << "in round " << i;
    EXPECT_TRUE(stale.result == detail::result_closed || (stale.result == 1 && i % 3 == 0))
        << stale.result << " in round " << i;
    next.give_back();
    stale.give_back();
    io.close(fresh.ours);
    detail::close_unattached(old.fds[1]);
    detail::close_unattached(fresh.fds[1]);
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(taken_again, 0);
}

ON_KERNEL_REACTORS(Streams, NoStaleWakeReachesWhoTookTheNumber) {
#ifdef RONDO_TEST_SANITIZED
  run_on(reactor, close_and_take_the_number(long_run() ? 100'000 : 5'000));
#else
  run_on(reactor, close_and_take_the_number(long_run() ? 1'000'000 : 20'000));
#endif
}

// After an entry that it refuses the kernel may stop (io_uring_setup(2), IORING_SETUP_SUBMIT_ALL);
// what stands behind one must not run on whoever is given the number next.
task<> close_behind_a_refused_entry() {
  detail::reactor& io = detail::this_core().io();
  const raw_pair other;
  std::array<char, 256> name{};
  for (int i = 0; i < 4; ++i) {
    // The name is longer than any is.
    probe refused(other.ours,
                  io_call::connect(reinterpret_cast<sockaddr*>(name.data()), name.size()));
    const raw_pair old;
    const bool lent = i % 2 == 0;
    probe stale(old.ours, lent);
    refused.start();
    stale.start();
    if (i >= 2) co_await yield_now();
    io.close(old.ours);
    const raw_pair fresh;
    probe next(fresh.ours, lent);
    next.start();
    co_await yield_now();
    EXPECT_FALSE(next.arrived);
    fresh.send('y');
    while (!next.arrived || !stale.arrived || !refused.arrived) co_await yield_now();
    EXPECT_EQ(refused.result, -EINVAL);
    EXPECT_EQ(stale.result, detail::result_closed);
    EXPECT_EQ(next.result, 1);
    next.give_back();
    io.close(fresh.ours);
    detail::close_unattached(old.fds[1]);
    detail::close_unattached(fresh.fds[1]);
  }
  io.close(other.ours);
  detail::close_unattached(other.fds[1]);
}

ON_KERNEL_REACTORS(Streams, NothingBehindARefusedEntryReachesWhoTookTheNumber) {
  run_on(reactor, close_behind_a_refused_entry());
}

// --- waking --------------------------------------------------------------------------------------

// The wake-up is heard, and has to be armed again, in a turn that begins with a full queue.
task<> wake_while_the_queue_is_full() {
  const raw_pair pair;
  tcp_listener listener = listen_here();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { (void)co_await as_result(listener.accept()); });
    co_await sleep_for(1ms);
    std::vector<std::unique_ptr<probe>> full;
    detail::this_core().io().wake();
    listener.close();  // io_uring brings the wake-up; its reactor looks when this step has ended
    for (int i = 0; i < 512; ++i) {
      full.push_back(std::make_unique<probe>(descriptor{pair.fds[1], 0}, false));
      full.back()->start();
    }
    event woken;
    std::thread other([&woken, home = this_loop().remote()] {
      std::this_thread::sleep_for(5ms);  // so that the loop sleeps
      home.post([&woken] { woken.set(); });
    });
    co_await woken.wait();
    other.join();
    for (auto& op : full) detail::this_core().io().cancel(*op);
    for (auto& op : full)
      while (!op->arrived) co_await yield_now();
  });
  detail::this_core().io().close(pair.ours);
  detail::close_unattached(pair.fds[1]);
}

TEST(Streams, AWakeIsHeardWhenIoUringsQueueIsFull) {
  if (const std::string why = missing(reactor_kind::io_uring); !why.empty()) GTEST_SKIP() << why;
  run_on(reactor_kind::io_uring, wake_while_the_queue_is_full());
}

// --- bytes ---------------------------------------------------------------------------------------

// 64 MiB, whatever the reader's sizes: pieces of its own buffer and lent ones.
task<> carry_to_a_reader_of_random_sizes(std::size_t total) {
  stream_pair p = co_await connect_pair();
  const std::string piece = pattern(1 << 20, 3);
  std::size_t read = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t sent = 0; sent < total; sent += piece.size())
        co_await write_text(p.client, piece);
      co_await p.client.shutdown_write();
    });
    std::mt19937 random(11);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same run each time
    std::vector<char> buffer(4096);
    const auto expect = [&](std::string_view got) {
      while (!got.empty()) {
        const std::size_t at = read % piece.size();
        const std::size_t n = std::min(got.size(), piece.size() - at);
        if (got.substr(0, n) != std::string_view(piece).substr(at, n)) {
          ADD_FAILURE() << "other bytes at " << read;
          return;
        }
        read += n;
        got.remove_prefix(n);
      }
    };
    while (!testing::Test::HasFailure()) {
      const auto drawn = random();
      if (drawn % 8 == 0) {
        const received_bytes lent = co_await p.server.receive();
        if (lent.empty()) break;
        expect(text_of(lent));
        continue;
      }
      const std::size_t most = 1 + drawn / 8 % 4096;
      const std::size_t n =
          co_await p.server.read_some(std::as_writable_bytes(std::span(buffer.data(), most)));
      if (n == 0) break;
      expect({buffer.data(), n});
    }
  });
  EXPECT_EQ(read, total);
}

CONFORMANCE(Streams, SixtyFourMebibytesToAReaderOfRandomSizes) {
  co_await carry_to_a_reader_of_random_sizes(64 << 20);
}

// What came while nobody waited is there for the next, and the end after it.
CONFORMANCE(Streams, KeepsWhatCameBetweenTwoReads) {
  stream_pair p = co_await connect_pair();
  std::vector<std::byte> buffer(64);
  for (int i = 0; i < 5; ++i) {  // small reads: io_uring begins a stream
    co_await write_text(p.client, "warm up");
    EXPECT_EQ(co_await p.server.read_some(buffer), 7U);
  }
  EXPECT_FALSE(p.server.readable_now());
  co_await write_text(p.client, "one");
  co_await sleep_for(2ms);
  co_await write_text(p.client, "two");
  co_await sleep_for(2ms);
  EXPECT_TRUE(p.server.readable_now());
  EXPECT_EQ(co_await read_text(p.server, 4), "onet");
  p.client.close();
  co_await sleep_for(2ms);
  EXPECT_EQ(co_await read_text(p.server), "wo");
  EXPECT_TRUE(p.server.readable_now());
  EXPECT_EQ(co_await p.server.read_some(buffer), 0U);
}

CONFORMANCE(Streams, LosesNoByteToAReadThatIsCancelledAgainAndAgain) {
  stream_pair p = co_await connect_pair();
  const std::string sent = pattern(20'000);
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t at = 0; at < sent.size(); at += 100) {
        co_await write_text(p.client, std::string_view(sent).substr(at, 100));
        co_await sleep_for(10us);
      }
    });
    std::vector<char> buffer(64);
    while (got.size() < sent.size()) {
      auto n =
          co_await try_for(15us, p.server.read_some(std::as_writable_bytes(std::span(buffer))));
      got.append(buffer.data(), n.value_or(0));
      const auto lent = co_await try_for(15us, p.server.receive());
      if (lent) got += text_of(*lent);
    }
  });
  EXPECT_EQ(got, sent);
}

// A peer that sends what nobody reads must wait: what is kept for it has a bound.
ON_KERNEL_REACTORS(Streams, BoundWhatNobodyReads) {
  run_on(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await write_text(p.client, "first");
    EXPECT_EQ(text_of(co_await p.server.receive()), "first");
    const auto none = co_await try_for(1ms, p.server.receive());
    EXPECT_FALSE(none);
    const std::size_t held = co_await fill(p.client);
    std::size_t read = 0;
    std::vector<std::byte> buffer(1 << 16);
    while (read < held) read += co_await p.server.read_some(buffer);
    EXPECT_EQ(read, held);
    const int send_buffer = p.client.get<net::options::send_buffer>().value;
    const int receive_buffer = p.server.get<net::options::receive_buffer>().value;
    // twice what the kernel may hold, and all of io_uring's buffers are less than that
    EXPECT_LE(held, 2U * static_cast<unsigned>(send_buffer + receive_buffer) + (2U << 20));
  });
}

// More connections with bytes at once than the kernel has buffers.
CONFORMANCE(Streams, SurviveALackOfBuffers) {
  constexpr std::size_t connections = 300;
  tcp_listener listener = listen_here();
  std::vector<stream_pair> all;
  for (std::size_t i = 0; i < connections; ++i) all.push_back(co_await connect_pair(listener));
  std::vector<received_bytes> kept;
  std::size_t read = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (stream_pair& p : all)
      g.spawn([&]() -> task<> {
        std::string got;
        while (got.size() < 8) {
          kept.push_back(co_await p.server.receive());
          got += text_of(kept.back());
        }
        EXPECT_EQ(got, "one-two-");
        read += got.size();
      });
    for (const char* text : {"one-", "two-"})
      for (stream_pair& p : all) co_await write_text(p.client, text);
  });
  EXPECT_EQ(read, 8 * connections);
}

// --- connections ---------------------------------------------------------------------------------

// What was accepted and not taken is closed with the listener: its peer hears, nothing leaks (which
// the end of every test looks at).
CONFORMANCE(Streams, CloseWhatWasAcceptedAndNotTaken) {
  tcp_listener listener = listen_here();
  stream_pair first = co_await connect_pair(listener);
  std::vector<tcp_stream> clients;
  for (int i = 0; i < 40; ++i)
    clients.push_back(co_await tcp_stream::connect(listener.local_endpoint()));
  co_await sleep_for(2ms);
  listener.close();
  for (tcp_stream& c : clients) {
    std::vector<std::byte> buffer(8);
    const outcome<std::size_t> r = co_await as_result(c.read_some(buffer));
    EXPECT_TRUE(r.has_error() ? r.code() == system_code(ECONNRESET) : r.value() == 0);
  }
}

CONFORMANCE(Streams, GiveEveryConnectionOnce) {
  tcp_listener listener = listen_here();
  constexpr int count = 100;
  int accepted = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      while (accepted < count) {
        const auto next = co_await try_for(20us, listener.accept());
        accepted += next ? 1 : 0;
      }
    });
    for (int i = 0; i < count; ++i) {
      tcp_stream c = co_await tcp_stream::connect(listener.local_endpoint());
      if (i % 10 == 0) co_await sleep_for(50us);
    }
  });
  EXPECT_EQ(accepted, count);
}

// 64 descriptors for 200 clients: all are served in the end, and the loop does not spin meanwhile.
ON_KERNEL_REACTORS(Streams, ServeTwoHundredClientsWithSixtyFourDescriptors) {
  run_on(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    std::vector<tcp_stream> clients;
    for (int i = 0; i < 200; ++i)
      clients.push_back(co_await tcp_stream::connect(listener.local_endpoint()));
    const descriptors_left few(64);
    int served = 0;
    const loop_stats before = this_loop().stats();
    co_await with_task_group([&](task_group& server) -> task<> {
      server.spawn([&] {
        return net::serve(std::move(listener), [&](tcp_stream s) -> task<> {
          EXPECT_EQ(co_await read_text(s, 4), "ping");
          co_await sleep_for(5ms);
          co_await write_text(s, "pong");
          ++served;
        });
      });
      co_await with_task_group([&](task_group& g) -> task<> {
        for (tcp_stream& c : clients)
          g.spawn([&]() -> task<> {
            co_await write_text(c, "ping");
            EXPECT_EQ(co_await read_text(c), "pong");
            // Kept open: what it had is free when all are served.
          });
        co_return;
      });
      server.cancel();
    });
    EXPECT_EQ(served, 200);
    const loop_stats after = this_loop().stats();
    EXPECT_LT(after.turns - before.turns, 200U * 15);
    EXPECT_LT(after.system_calls - before.system_calls, 200U * 25);
  });
}

// --- cost ----------------------------------------------------------------------------------------

// Both ends in one loop, so that the count does not depend on who runs when. The limit programs in
// plain C make 2.11 to 2.20 calls a round trip on epoll and 0.13 to 0.44 on io_uring, at one end.
ON_KERNEL_REACTORS(Streams, MakeNoSystemCallThatIsNotNeeded) {
  run_on(reactor, [&]() -> task<> {
    constexpr int connections = 64;
    constexpr int trips = 50;
    tcp_listener listener = listen_here();
    std::vector<stream_pair> all;
    for (int i = 0; i < connections; ++i) all.push_back(co_await connect_pair(listener));
    loop_stats before;
    loop_stats after;
    int warm = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (stream_pair& p : all) {
        g.spawn([&]() -> task<> {
          std::array<std::byte, 256> buffer{};
          while (const std::size_t n = co_await p.server.read_some(buffer))
            co_await p.server.write_all(std::span(buffer).first(n));
        });
        g.spawn([&]() -> task<> {
          const std::string message(64, 'm');
          std::array<std::byte, 256> buffer{};
          for (int i = 0; i < trips + 5; ++i) {
            co_await write_text(p.client, message);
            for (std::size_t n = 0; n < message.size();) n += co_await p.client.read_some(buffer);
            if (i == 4 && ++warm == connections) before = this_loop().stats();
          }
          after = this_loop().stats();
          p.client.close();
        });
      }
      co_return;
    });
    const double calls =
        static_cast<double>(after.system_calls - before.system_calls) / (connections * trips);
    testing::Test::RecordProperty("system_calls_a_round_trip_of_two_ends", std::to_string(calls));
    EXPECT_LE(calls, reactor == reactor_kind::epoll ? 2 * 2.2 : 2 * 0.44);
  });
}

// --- how a connection fails ----------------------------------------------------------------------

ON_KERNEL_REACTORS(Streams, TellAResetABrokenPipeARefusalAndATimeoutApart) {
  run_on(reactor, []() -> task<> {
    std::vector<std::byte> buffer(1 << 16);
    {
      stream_pair p = co_await connect_pair();
      reset_on_close(p.server);
      p.server.close();
      EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), system_code(ECONNRESET));
    }
    {
      stream_pair p = co_await connect_pair();
      co_await p.client.shutdown_write();
      EXPECT_EQ((co_await as_result(p.client.write_some(buffer))).code(), system_code(EPIPE));
    }
    {
      const unserved_port port;
      EXPECT_EQ((co_await as_result(tcp_stream::connect(port.at()))).code(),
                system_code(ECONNREFUSED));
    }
    {  // the peer's window stays shut for longer than the user allows (tcp(7), TCP_USER_TIMEOUT)
      stream_pair p = co_await connect_pair();
      p.client.set(net::options::user_timeout(100ms));
      outcome<std::size_t> r(std::in_place, std::size_t{0});
      while (r.has_value()) r = co_await as_result(p.client.write_some(buffer));
      EXPECT_EQ(r.code(), system_code(ETIMEDOUT));
    }
  });
}

// --- cancellation --------------------------------------------------------------------------------

// --- a reset and a cancellation ------------------------------------------------------------------

enum class waits_in { read, receive, read_of_a_stream, write };

task<std::error_code> code_of_a_read(tcp_stream& s) {
  std::array<std::byte, 16> buffer;
  const outcome<std::size_t> r = co_await as_result(s.read_some(buffer));
  co_return r.code();
}

task<> wait_for_the_reset(tcp_stream& s, waits_in how, std::error_code& told) {
  const std::string much(how == waits_in::write ? 16 << 20 : 0, 'w');
  switch (how) {
    case waits_in::read:
    case waits_in::read_of_a_stream: told = co_await code_of_a_read(s); break;
    case waits_in::receive: told = (co_await as_result(s.receive())).code(); break;
    case waits_in::write: told = (co_await as_result(s.write_all(bytes_of(much)))).code(); break;
  }
}

// The connection is reset and the task that waits on it is cancelled at one moment: who reads next
// is told, if the task was not.
task<> reset_while_cancelled(reactor_kind reactor, waits_in how, int round) {
  stream_pair p = co_await connect_pair();
  if (how == waits_in::read_of_a_stream)  // which a third small read begins
    for (int i = 0; i < 3; ++i) {
      co_await write_text(p.client, "s");
      co_await read_text(p.server, 1);
    }
  co_await write_text(p.server, "unread");
  co_await sleep_for(1ms);  // it has arrived: closing resets
  std::error_code told;
  co_await with_task_group([&](task_group& g) -> task<> {
    std::optional<tcp_listener> listener = listen_here();
    g.spawn([&]() -> task<> {
      EXPECT_EQ((co_await as_result(listener->accept())).code(), io_errc::closed);
    });
    join_handle<void> waiting =
        g.spawn(wait_for_the_reset, std::ref(p.server), how, std::ref(told));
    co_await sleep_for(1ms);
    p.client.close();
    if (reactor == reactor_kind::simulated) {
      co_await sleep_for(std::chrono::microseconds(round));
      waiting.cancel();
      listener->close();
    } else {
      listener->close();  // io_uring has met the reset by now, and its reactor has not looked
      waiting.cancel();
    }
    (void)co_await waiting.join();
  });
  if (!told) told = co_await code_of_a_read(p.server);
  EXPECT_EQ(told, system_code(ECONNRESET)) << "in round " << round;
}

task<> reset_while_cancelled(reactor_kind reactor, waits_in how) {
  for (int round = 0; round < 64 && !testing::Test::HasFailure(); ++round)
    co_await reset_while_cancelled(reactor, how, round);
}

CONFORMANCE(Streams, TellAResetThatACancelledReadMet) {
  co_await reset_while_cancelled(reactor, waits_in::read);
}
CONFORMANCE(Streams, TellAResetThatACancelledReceiveMet) {
  co_await reset_while_cancelled(reactor, waits_in::receive);
}
CONFORMANCE(Streams, TellAResetThatACancelledReadOfAStreamMet) {
  co_await reset_while_cancelled(reactor, waits_in::read_of_a_stream);
}
CONFORMANCE(Streams, TellAResetThatACancelledWriteMet) {
  co_await reset_while_cancelled(reactor, waits_in::write);
}

CONFORMANCE_RUNS(CancelEveryWait, ReceiveOfTcp) {
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got.clear();
        stream_pair p = co_await connect_pair();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (;;) {
              const received_bytes piece = co_await p.server.receive();
              if (piece.empty()) break;
              got += text_of(piece);
            }
          });
          for (const char* text : {"abc", "def", "ghi"}) {
            co_await sleep_for(100us);
            co_await write_text(p.client, text);
          }
          p.client.close();
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(std::string_view("abcdefghi").starts_with(got));
        if (r.has_value()) {
          EXPECT_EQ(got.size(), 9U);
        }
      });
  EXPECT_GE(n.at_wake, 6U);
}

CONFORMANCE_RUNS(CancelEveryWait, AcceptOfMany) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 0; i < 3; ++i) {
          tcp_stream s = co_await listener.accept();
          co_await sleep_for(50us);
        }
      });
      for (int i = 0; i < 5; ++i) {
        tcp_stream c = co_await tcp_stream::connect(listener.local_endpoint());
        co_await sleep_for(20us);
      }
    });
  });
  EXPECT_GE(n.at_wake, 5U);
}

}  // namespace
