#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/core/wall_clock.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

// The reactor's operations as they are, without the sockets that net/ makes of them.
class raw_wait final : public detail::io_wait {
 public:
  raw_wait(detail::descriptor d, const detail::io_call& call) : io_wait(d, call) {}
  std::int32_t await_resume() const noexcept { return result; }
};

detail::descriptor open_socket() {
  const int fd = detail::this_core().io().open_socket(AF_INET, SOCK_STREAM, 0);
  return {fd, detail::this_core().io().attach(fd, detail::transfers::may_stop_short)};
}

sockaddr_in local(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

// Sends `total` bytes through one connection and returns how many arrived.
task<std::size_t> transfer(std::size_t total) {
  detail::reactor& io = detail::this_core().io();
  using detail::io_call;
  auto where = local(80);
  const detail::descriptor listener = open_socket();
  EXPECT_EQ(io.bind(listener.fd, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  EXPECT_EQ(io.listen(listener.fd, 4), 0);
  std::size_t arrived = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      const int fd = co_await raw_wait(listener, io_call::accept());
      EXPECT_GE(fd, 0);
      const detail::descriptor d{fd, io.attach(fd, detail::transfers::may_stop_short)};
      std::array<char, 1000> bytes;
      for (;;) {
        const int n = co_await raw_wait(d, io_call::recv(bytes.data(), bytes.size()));
        if (n <= 0) break;
        arrived += static_cast<std::size_t>(n);
      }
      io.close(d);
    });
    const detail::descriptor client = open_socket();
    EXPECT_EQ((co_await raw_wait(
                  client, io_call::connect(reinterpret_cast<sockaddr*>(&where), sizeof where))),
              0);
    std::string bytes(total, 'x');
    for (std::size_t sent = 0; sent < total;) {
      const int n = co_await raw_wait(
          client, io_call::send(bytes.data() + sent, static_cast<std::uint32_t>(total - sent)));
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    io.close(client);
  });
  io.close(listener);
  co_return arrived;
}

// Two connected sockets.
struct connection {
  detail::descriptor here;
  detail::descriptor there;
};
task<connection> connect() {
  detail::reactor& io = detail::this_core().io();
  using detail::io_call;
  auto where = local(80);
  const detail::descriptor listener = open_socket();
  EXPECT_EQ(io.bind(listener.fd, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  EXPECT_EQ(io.listen(listener.fd, 4), 0);
  const detail::descriptor client = open_socket();
  EXPECT_EQ((co_await raw_wait(
                client, io_call::connect(reinterpret_cast<sockaddr*>(&where), sizeof where))),
            0);
  const int fd = co_await raw_wait(listener, io_call::accept());
  io.close(listener);
  co_return connection{client, {fd, io.attach(fd, detail::transfers::may_stop_short)}};
}

// Happened or cancelled: what a cancelled receive has taken, its task has; what its task has not,
// is still there.
TEST(Simulation, BeginsAtTheDateThatWasAskedFor) {
  const auto date = std::chrono::sys_days(std::chrono::year(2031) / 3 / 4);
  const auto wall = [](std::chrono::sys_days begun) -> task<> {
    EXPECT_EQ(detail::wall_clock_now(), begun + 0s);
    co_await sleep_for(36h);
    EXPECT_EQ(detail::wall_clock_now(), begun + 36h);
  };
  run(run_options().simulation(simulation_options().start(date)), wall, date);
}

TEST(Simulation, BeginsWithTheYear2026WhenNoDateIsAskedFor) {
  run(run_options().simulation(simulation_options()), []() -> task<> {
    EXPECT_EQ(detail::wall_clock_now(),
              std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + 1h);
    co_return;
  });
}

TEST(Simulation, ACancelledReceiveLosesNoByte) {
  using detail::io_call;
  constexpr std::size_t total = 1000;
  std::size_t got = 0;
  std::size_t left = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    simulation_options world;
    world.seed(seed).latency(0s, 30us);
    const auto n = rondo_test::cancel_at_every_wait(
        options_for(reactor_kind::simulated).simulation(world),
        [&]() -> task<> {
          got = left = 0;
          connection c = co_await shield(connect());
          const auto receive = [&](std::size_t& count) -> task<> {
            std::array<char, 100> bytes;
            while (got + left < total) {
              const int n = co_await raw_wait(c.there, io_call::recv(bytes.data(), bytes.size()));
              EXPECT_GT(n, 0);
              count += static_cast<std::size_t>(std::max(n, 0));
            }
          };
          const auto send = [&]() -> task<> {
            std::array<char, 100> bytes{};
            for (std::size_t sent = 0; sent < total;) {
              const int n = co_await raw_wait(c.here, io_call::send(bytes.data(), bytes.size()));
              EXPECT_GT(n, 0);
              sent += static_cast<std::size_t>(n);
            }
          };
          co_await shield(send());
          co_await finally(receive(got), [&]() -> task<> {
            co_await receive(left);
            detail::this_core().io().close(c.here);
            detail::this_core().io().close(c.there);
          });
        },
        [&](outcome<void>& o) {
          EXPECT_FALSE(o.has_error());
          if (got + left > 0) EXPECT_EQ(got + left, total);
        });
    EXPECT_GT(n.at_rest, 10U);
  }
}

std::string trace_of(std::uint64_t seed) {
  std::string trace;
  simulation_options world;
  world.seed(seed).latency(1ms, 20ms).short_transfers(0.3).trace(trace);
  EXPECT_EQ(run_as(options_for(reactor_kind::simulated).simulation(world), transfer(10'000)),
            10'000U);
  return trace;
}

TEST(Simulation, TheSameSeedGivesTheSameTrace) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const std::string first = trace_of(seed);
    EXPECT_FALSE(first.empty());
    EXPECT_EQ(trace_of(seed), first);
  }
}

TEST(Simulation, AnotherSeedGivesAnotherTrace) { EXPECT_NE(trace_of(1), trace_of(2)); }

TEST(Simulation, BytesInAreBytesOutForEverySeed) {
  const std::uint64_t seeds = rondo_test::long_run() ? 5000 : 200;
  for (std::uint64_t seed = 0; seed < seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    simulation_options world;
    world.seed(seed).latency(0s, 5ms).short_transfers(0.5).window(700);
    EXPECT_EQ(run_as(options_for(reactor_kind::simulated).simulation(world), transfer(5000)),
              5000U);
  }
}

TEST(Simulation, SeedIsAnOptionOfRunToo) {
  EXPECT_EQ(run_as(options_for(reactor_kind::simulated).seed(9), transfer(100)), 100U);
}

TEST(Simulation, ADeadlockIsReportedInsteadOfHanging) {
  event never;
  std::string log;
  try {
    simulate([&]() -> task<> {
      co_await finally(never.wait(), [&]() -> task<> {
        co_await sleep_for(1s);
        log += "cleaned up ";
      });
    });
    ADD_FAILURE();
  } catch (const std::logic_error& e) {
    EXPECT_NE(std::string(e.what()).find("nothing can ever happen"), std::string::npos);
  }
  EXPECT_EQ(log, "cleaned up ");
}

TEST(Simulation, ADeadlockOfAChildIsReportedToo) {
  queue<int> q(1);
  EXPECT_THROW(simulate([&]() -> task<> {
                 co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(q.get());
                   g.spawn(q.get());
                   co_return;
                 });
               }),
               std::logic_error);
}

TEST(Simulation, ASleepWithoutEndIsADeadlock) {
  EXPECT_THROW(simulate([]() -> task<> { co_await sleep_for(std::chrono::hours::max()); }),
               std::logic_error);
}

TEST(Simulation, TimeStandsStillWhileATaskCanRun) {
  simulate([]() -> task<> {
    const auto start = this_loop().now();
    for (int i = 0; i < 1000; ++i) co_await yield_now();
    EXPECT_EQ(this_loop().now(), start);
  });
}

TEST(Random, TheSameSeedGivesTheSameNumbers) {
  detail::random_source a(7);
  detail::random_source b(7);
  detail::random_source c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto n = a.next();
    EXPECT_EQ(n, b.next());
    differs |= n != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, StaysInItsRange) {
  detail::random_source r(1);
  std::array<int, 5> seen{};
  for (int i = 0; i < 1000; ++i) {
    const auto n = r.between(-2, 2);
    EXPECT_TRUE(n >= -2 && n <= 2);
    ++seen[static_cast<std::size_t>(std::clamp<std::int64_t>(n + 2, 0, 4))];
    const double u = r.unit();
    EXPECT_TRUE(u >= 0 && u < 1);
  }
  for (const int n : seen) EXPECT_GT(n, 100);
  EXPECT_EQ(r.between(3, 3), 3);
  EXPECT_FALSE(r.chance(0));
  EXPECT_TRUE(r.chance(1));
  (void)r.between(std::numeric_limits<std::int64_t>::min(),
                  std::numeric_limits<std::int64_t>::max());
}

}  // namespace
