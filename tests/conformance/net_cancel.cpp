// Every wait of net/, cancelled at every moment: nothing is left and nothing happens twice.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime/simulated_world.hpp>

#include <array>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

void expect_at_least(const waits_cancelled& n, std::size_t least) {
  EXPECT_GE(n.at_rest, least);
  EXPECT_GE(n.posted, least);
  EXPECT_GE(n.at_wake, least);
}

}  // namespace

CONFORMANCE_RUNS(CancelEveryWait, Resolve) {
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        if (detail::this_core().simulated())
          this_simulation().host("a.both.test", {"10.0.0.1"}).lookups(1ms, 1ms);
        co_await net::resolve("a.both.test", 80);  // of support/name_service.hpp
      },
      [] { wait_for_abandoned_lookups(); });
  expect_at_least(n, 1);
}

CONFORMANCE_RUNS(CancelEveryWait, ConnectByEndpoint) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    tcp_stream s = co_await tcp_stream::connect(listener.local_endpoint());
    co_await s.shutdown_write();
  });
  EXPECT_GE(n.at_wake, 1U);
}

CONFORMANCE_RUNS(CancelEveryWait, ConnectByName) {
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        tcp_listener listener = listen_here();
        tcp_stream s = co_await tcp_stream::connect("localhost", listener.local_endpoint().port());
        co_await s.shutdown_write();
      },
      [] { wait_for_abandoned_lookups(); });
  EXPECT_GE(n.at_wake, 1U);
}

CONFORMANCE_RUNS(CancelEveryWait, ConnectThatIsRefused) {
  cancel_at_every_wait(reactor, []() -> task<> {
    const unserved_port port;
    const auto r = co_await as_result(tcp_stream::connect(port.at()));
    EXPECT_EQ(r.code(), system_code(ECONNREFUSED));
  });
}

CONFORMANCE_RUNS(CancelEveryWait, Accept) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        tcp_stream s = co_await listener.accept();
        EXPECT_TRUE(s.is_open());
      });
      co_await sleep_for(200us);
      tcp_stream c = co_await tcp_stream::connect(here);
    });
  });
  expect_at_least(n, 2);
}

CONFORMANCE_RUNS(CancelEveryWait, Read) {
  std::size_t written = 0;
  std::size_t read = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        written = read = 0;
        stream_pair p = co_await connect_pair();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            std::array<std::byte, 4> buffer{};
            while (const std::size_t got = co_await p.server.read_some(buffer)) read += got;
          });
          for (int i = 0; i < 3; ++i) {
            co_await sleep_for(100us);
            written += co_await p.client.write_some(bytes_of("12345"));
          }
          p.client.close();
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_LE(read, written);
        if (r.has_value()) {
          EXPECT_EQ(read, 15U);
        }
      });
  expect_at_least(n, 5);
}

// Who is at the other end was cancelled, too, and has closed: the end that a read meets then is no
// result of its own, and the next read is told of it. The seed draws which of the two is first.
TEST(CancelledRead, ThatMeetsTheEndHasNotHappened) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    run_as(run_options().simulation(simulation_options().seed(seed).latency(0us, 10us)),
           []() -> task<> {
             auto [client, server] = co_await connect_pair();
             std::array<std::byte, 8> room{};
             cancel_scope scope;
             co_await with_task_group([&](task_group& g) -> task<> {
               g.spawn([&]() -> task<> {
                 EXPECT_TRUE((co_await scope.run(client.read_some(room))).is_cancelled());
                 EXPECT_EQ(co_await client.read_some(room), 0U);
               });
               co_await sleep_for(1ms);
               scope.cancel();
               server.close();
             });
           });
}

// A write that waits for the peer to make room: the window, or both sockets' buffers, are full.
CONFORMANCE_RUNS(CancelEveryWait, Write) {
  const std::string sent = pattern(6 << 20);
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got.clear();
        stream_pair p = co_await connect_pair();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            co_await sleep_for(300us);
            std::vector<std::byte> buffer(1 << 20);
            while (const std::size_t size = co_await p.server.read_some(buffer)) {
              got.append(reinterpret_cast<const char*>(buffer.data()), size);
              if (reactor != reactor_kind::simulated) co_await yield_now();
            }
          });
          co_await write_text(p.client, sent);
          co_await p.client.shutdown_write();
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(sent.starts_with(got));  // what arrived is a beginning of what was sent
        if (r.has_value()) {
          EXPECT_EQ(got.size(), sent.size());
        }
      });
  expect_at_least(n, 3);
}

CONFORMANCE_RUNS(CancelEveryWait, CloseUnderAReader) {
  cancel_at_every_wait(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        std::array<std::byte, 8> buffer{};
        EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), io_errc::closed);
      });
      co_await sleep_for(100us);
      p.client.close();
    });
  });
}

CONFORMANCE_RUNS(CancelEveryWait, BufferedReader) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        net::buffered_reader in(p.server, 8);
        EXPECT_EQ(co_await in.read_line(100), "line");
        EXPECT_EQ((co_await in.read_exactly(10)).size(), 10U);
      });
      for (const char* piece : {"li", "ne\r\n123", "4567890"}) {
        co_await write_text(p.client, piece);
        co_await sleep_for(100us);
      }
    });
  });
  expect_at_least(n, 4);
}

CONFORMANCE_RUNS(CancelEveryWait, Serve) {
  int entered = 0;
  int left = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        entered = left = 0;
        tcp_listener listener = listen_here();
        const endpoint here = listener.local_endpoint();
        co_await with_task_group([&](task_group& g) -> task<> {
          auto handler = [&](tcp_stream s) -> task<> {
            ++entered;
            struct leaving {
              int& n;
              ~leaving() { ++n; }
            } const count{left};
            std::array<std::byte, 16> buffer{};
            while (const std::size_t size = co_await s.read_some(buffer))
              co_await s.write_all(std::span(buffer).first(size));
          };
          g.spawn([&, handler] {
            return net::serve(std::move(listener), handler,
                              net::serve_options().max_connections(1));
          });
          for (int i = 0; i < 2; ++i) {
            tcp_stream s = co_await tcp_stream::connect(here);
            co_await write_text(s, "ping");
            co_await s.shutdown_write();
            EXPECT_EQ(co_await read_text(s), "ping");
          }
          g.cancel();
        });
      },
      [&] { EXPECT_EQ(entered, left); });
  expect_at_least(n, 8);
}
