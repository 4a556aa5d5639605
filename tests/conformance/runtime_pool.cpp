// pool<T> on every reactor: of connections, which are made, asked and used by waits of the network.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <array>
#include <optional>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

// Says again what its clients say.
task<> echo_to(tcp_stream s) {
  std::array<std::byte, 16> buffer{};
  while (const std::size_t n = co_await s.read_some(buffer))
    co_await s.write_all(std::span(buffer).first(n));
}

task<bool> answers(tcp_stream& s) {
  std::array<std::byte, 4> got{};
  co_await s.write_all(bytes_of("ping"));
  for (std::size_t n = 0; n < got.size();) {
    const std::size_t more = co_await s.read_some(std::span(got).subspan(n));
    if (more == 0) co_return false;
    n += more;
  }
  co_return true;
}

}  // namespace

CONFORMANCE(PoolOfThings, LendsConnectionsThatAnswer) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  int accepted = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto server = g.spawn([&]() -> task<> {
      co_await with_task_group([&](task_group& clients) -> task<> {
        while (true) {
          tcp_stream s = co_await listener.accept();
          ++accepted;
          if (accepted == 1) {  // the first is closed when it has answered once
            (void)co_await clients
                .spawn(
                    [](tcp_stream first) -> task<> {
                      std::array<std::byte, 4> ping{};
                      const std::size_t n = co_await first.read_some(ping);
                      co_await first.write_all(std::span(ping).first(n));
                    },
                    std::move(s))
                .join();
          } else {
            clients.spawn(echo_to(std::move(s)));
          }
        }
      });
    });
    {
      pool<tcp_stream> p([&] { return tcp_stream::connect(here); },
                         pool_options<tcp_stream>().limit(1).check_after(0s).check(answers));
      {
        auto c = co_await p.acquire();
        EXPECT_TRUE(co_await answers(*c));
      }
      {
        auto c = co_await p.acquire();  // the first is dead, which is found by asking
        EXPECT_TRUE(co_await answers(*c));
      }
      {
        auto c = co_await p.acquire();
        EXPECT_TRUE(co_await answers(*c));
      }
    }
    server.cancel();
  });
  EXPECT_EQ(accepted, 2);
}

CONFORMANCE_RUNS(CancelEveryWait, Pool) {
  std::size_t served = 0;
  std::optional<pool<tcp_stream>> p;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        served = 0;
        tcp_listener listener = listen_here();
        const endpoint here = listener.local_endpoint();
        p.emplace([here] { return tcp_stream::connect(here); },
                  pool_options<tcp_stream>().limit(2).check_after(0s).check(answers));
        co_await with_task_group([&](task_group& g) -> task<> {
          auto server = g.spawn([&]() -> task<> {
            co_await with_task_group([&](task_group& clients) -> task<> {
              while (true) clients.spawn(echo_to(co_await listener.accept()));
            });
          });
          co_await with_task_group([&](task_group& users) -> task<> {
            for (int i = 0; i < 4; ++i)
              users.spawn([&]() -> task<> {
                auto c = co_await p->acquire();
                if (co_await answers(*c)) ++served;
              });
            co_return;
          });
          server.cancel();
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_EQ(p->lent(), 0U);
        EXPECT_EQ(p->waiting(), 0U);
        EXPECT_EQ(p->size(), 0U);  // what was kept has gone with the loop
        if (r.has_value()) {
          EXPECT_EQ(served, 4U);
        }
      });
  EXPECT_GE(n.at_rest, 10U);
}
