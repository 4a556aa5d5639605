// A loop inside somebody else's, which here is poll() by hand.
#include "support/resources.hpp"
#include "support/run_on.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace embedded_loop_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;

class EmbeddedLoop : public testing::TestWithParam<reactor_kind> {
 protected:
  void SetUp() override {
    if (const std::string why = rondo_test::missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
  }
  static run_options options() { return options_for(GetParam()); }
};

// The host: polls, and nothing else. How often it was woken.
class polling_host {
 public:
  explicit polling_host(embedded_loop& l) : loop_(l) {}

  // One sleep and one visit.
  void turn(std::chrono::milliseconds at_most = 10s) {
    pollfd p{loop_.fd(), POLLIN, 0};
    const auto left = loop_.next_timeout();
    const auto ms =
        left ? std::min(std::chrono::ceil<std::chrono::milliseconds>(*left), at_most) : at_most;
    const int n = ::poll(&p, 1, static_cast<int>(ms.count()));
    EXPECT_TRUE(n >= 0 || errno == EINTR);
    if (n > 0) ++woken_;
    if (!left && n == 0) ADD_FAILURE() << "the descriptor told nothing";
    loop_.run_ready();
    ++turns_;
  }
  void until_idle() {
    while (loop_.size() > 0 && !testing::Test::HasFailure()) turn();
  }
  int woken() const { return woken_; }
  int turns() const { return turns_; }

 private:
  embedded_loop& loop_;
  int woken_ = 0;
  int turns_ = 0;
};

TEST_P(EmbeddedLoop, RunsWhatIsSpawned) {
  embedded_loop l(options());
  polling_host host(l);
  std::string log;
  l.spawn([&]() -> task<> {
    log += 'a';
    co_await yield_now();
    log += 'b';
  });
  l.spawn(
      [](std::string& to) -> task<int> {
        to += 'c';
        co_return 1;
      },
      std::ref(log));
  EXPECT_EQ(log, "");  // its first step comes in a visit
  EXPECT_EQ(l.next_timeout(), 0ns);
  host.until_idle();
  EXPECT_EQ(log, "acb");
  EXPECT_EQ(l.next_timeout(), std::nullopt);
}

TEST_P(EmbeddedLoop, SleepsUntilTheNextTimerAndNeverEndsEarly) {
  embedded_loop l(options());
  polling_host host(l);
  const auto begun = std::chrono::steady_clock::now();
  l.spawn([]() -> task<> { co_await sleep_for(5ms); });
  l.run_ready();
  const auto left = l.next_timeout();
  ASSERT_TRUE(left);
  EXPECT_LE(*left, 5ms);
  host.until_idle();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 5ms);
}

TEST_P(EmbeddedLoop, TheDescriptorTellsOfBytes) {
  embedded_loop l(options());
  polling_host host(l);
  auto [here, there] = [] {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe(fds.data()), 0);
    return std::pair(fds[0], fds[1]);
  }();
  int got = 0;
  l.spawn([&, fd = here]() -> task<> {
    for (int i = 0; i < 20; ++i) {
      co_await readable(fd);
      char c = 0;
      EXPECT_EQ(::read(fd, &c, 1), 1);
      ++got;
    }
  });
  l.run_ready();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(l.next_timeout(), std::nullopt);
    EXPECT_EQ(::write(there, "x", 1), 1);
    while (got == i && !HasFailure()) host.turn();
  }
  host.until_idle();
  ::close(here);
  ::close(there);
}

TEST_P(EmbeddedLoop, IsWokenByAPostFromAnotherThread) {
  embedded_loop l(options());
  polling_host host(l);
  l.run_ready();
  const loop_remote home = this_loop().remote();
  int got = 0;
  for (int i = 0; i < 20; ++i) {
    std::thread other([&] { home.post([&] { ++got; }); });
    while (got == i && !HasFailure()) host.turn();
    other.join();
  }
  EXPECT_EQ(got, 20);
}

// Somebody's post writes to a descriptor that no operation waits on: it must not stay readable.
TEST_P(EmbeddedLoop, AnIdleLoopLeavesTheHostAsleep) {
  embedded_loop l(options());
  l.run_ready();
  std::thread([home = this_loop().remote()] { home.post([] {}); }).join();
  int turns = 0;
  pollfd p{l.fd(), POLLIN, 0};
  while (::poll(&p, 1, 0) != 0 && turns < 100) {
    l.run_ready();
    ++turns;
  }
  EXPECT_GE(turns, 1);
  EXPECT_LT(turns, 5);
  EXPECT_EQ(l.next_timeout(), std::nullopt);
}

TEST_P(EmbeddedLoop, TalksOverSockets) {
  embedded_loop l(options());
  polling_host host(l);
  std::size_t echoed = 0;
  l.spawn([&]() -> task<> {
    net::tcp_listener listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 0; i < 20; ++i)
          g.spawn(
              [](net::tcp_stream s) -> task<> {
                std::array<std::byte, 4096> buffer{};
                while (const std::size_t n = co_await s.read_some(buffer))
                  co_await s.write_all(std::span(buffer).first(n));
              },
              co_await listener.accept());
      });
      for (int i = 0; i < 20; ++i) {
        g.spawn([&]() -> task<> {
          net::tcp_stream s = co_await net::tcp_stream::connect(listener.local_endpoint());
          std::vector<std::byte> sent(100'000, std::byte{7});
          co_await with_task_group([&](task_group& both) -> task<> {
            both.spawn([&]() -> task<> {
              co_await s.write_all(sent);
              co_await s.shutdown_write();
            });
            std::array<std::byte, 4096> buffer{};
            while (const std::size_t n = co_await s.read_some(buffer)) echoed += n;
          });
        });
      }
      co_return;
    });
  });
  host.until_idle();
  EXPECT_EQ(echoed, 2'000'000U);
}

TEST_P(EmbeddedLoop, ABusyTaskLeavesTheHostItsTurn) {
  embedded_loop l(options());
  bool stop = false;
  l.spawn([&]() -> task<> {
    while (!stop) co_await yield_now();
  });
  for (int i = 0; i < 3; ++i) {
    l.run_ready();  // comes back
    EXPECT_EQ(l.next_timeout(), 0ns);
  }
  stop = true;
  polling_host(l).until_idle();
}

// More has come than one turn takes in, and first what nobody waits for; then the time is over.
TEST_P(EmbeddedLoop, WhatWasTakenFromTheKernelIsDoneWithoutAPoll) {
  embedded_loop l(options());
  polling_host host(l);
  std::vector<std::pair<net::unix_stream, net::unix_stream>> pairs;
  for (int i = 0; i < 40; ++i) pairs.push_back(net::unix_stream::pair());
  for (auto& [here, there] : pairs)
    l.spawn([&]() -> task<> {  // it has been waited for once
      std::array<std::byte, 1> byte{};
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> { (void)co_await here.read_some(byte); });
        co_await yield_now();
        co_await there.write_all(byte);
      });
    });
  host.until_idle();
  bool heard = false;
  l.spawn([&]() -> task<> {
    std::array<std::byte, 1> byte{};
    heard = co_await pairs.back().first.read_some(byte) == 1;
  });
  l.run_ready();
  l.spawn([&]() -> task<> {
    const std::array<std::byte, 1> byte{};
    for (auto& [here, there] : pairs) co_await there.write_all(byte);
    const auto begun = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begun < 1ms) {
    }
  });
  host.until_idle();
  EXPECT_TRUE(heard);
}

// Each step takes as long as a whole visit may: however many are ready, a visit has one.
TEST_P(EmbeddedLoop, ManyLongStepsLeaveTheHostItsTurnAfterEach) {
  embedded_loop l(options());
  int steps = 0;
  for (int i = 0; i < 100; ++i)
    l.spawn([&]() -> task<> {
      ++steps;
      const auto begun = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() - begun < 1ms) {
      }
      co_return;
    });
  for (int visits = 1; visits <= 100; ++visits) {
    l.run_ready();
    ASSERT_EQ(steps, visits);
    if (visits < 100) EXPECT_EQ(l.next_timeout(), 0ns);
  }
  polling_host(l).until_idle();
}

TEST_P(EmbeddedLoop, WhatATaskThrowsIsNobodyElsesFailure) {
  int reported = 0;
  embedded_loop l(options().on_unhandled([&](const std::exception_ptr&) { ++reported; }));
  polling_host host(l);
  bool other = false;
  l.spawn([]() -> task<> { throw std::runtime_error("x"); });
  l.spawn([&]() -> task<> {
    co_await sleep_for(1ms);
    other = true;
  });
  host.until_idle();
  EXPECT_EQ(reported, 1);
  EXPECT_TRUE(other);
}

TEST_P(EmbeddedLoop, ATaskIsCancelledByItsHandle) {
  embedded_loop l(options());
  polling_host host(l);
  auto h = l.spawn([]() -> task<> { co_await sleep_for(1h); });
  l.run_ready();
  h.cancel();
  EXPECT_EQ(l.next_timeout(), 0ns);
  host.until_idle();
  EXPECT_TRUE(h.done());
}

TEST_P(EmbeddedLoop, IsStoppedInsideTheHostsLoop) {
  embedded_loop l(options());
  polling_host host(l);
  bool cleaned = false;
  const auto clean = [&]() -> task<> {
    co_await sleep_for(2ms);
    cleaned = true;
  };
  l.spawn([&]() -> task<> {
    co_await rondo::finally([]() -> task<> { co_await sleep_for(1h); }(), clean);
  });
  l.run_ready();
  l.stop();
  EXPECT_FALSE(l.stopped());
  while (!l.stopped() && !HasFailure()) host.turn();
  EXPECT_TRUE(cleaned);
  EXPECT_THROW(l.spawn([]() -> task<> { co_return; }), group_closed);
  EXPECT_EQ(l.next_timeout(), std::nullopt);
  l.stop();
  l.run_ready();
}

// Destroyed after its k-th visit, whatever its tasks are at.
TEST_P(EmbeddedLoop, DestroyedItEndsWhatRuns) {
  for (int k = 0; k < 12; ++k) {
    int alive = 0;
    {
      embedded_loop l(options());
      for (int i = 0; i < 3; ++i)
        l.spawn([&]() -> task<> {
          struct counted {
            int& n;
            explicit counted(int& of) : n(of) { ++n; }
            ~counted() { --n; }
          } const here{alive};
          net::tcp_listener listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
          co_await with_task_group([&](task_group& g) -> task<> {
            g.spawn([&]() -> task<> { (void)co_await listener.accept(); });
            (void)co_await net::tcp_stream::connect(listener.local_endpoint());
            co_await to_thread([] { return 1; });
            co_await sleep_for(1h);
          });
        });
      for (int i = 0; i < k; ++i) {
        pollfd p{l.fd(), POLLIN, 0};
        ::poll(&p, 1, 1);
        l.run_ready();
      }
    }
    EXPECT_EQ(alive, 0) << k;
  }
}

TEST_P(EmbeddedLoop, IsItsThreadsLoop) {
  embedded_loop l(options());
  EXPECT_EQ(this_loop().reactor_name(), rondo_test::name_of(GetParam()));
  EXPECT_THROW(run([]() -> task<> { co_return; }), std::logic_error);
  EXPECT_THROW(embedded_loop{options()}, std::logic_error);
}

TEST_P(EmbeddedLoop, CalledFromItsOwnTaskDoesNothing) {
  embedded_loop l(options());
  polling_host host(l);
  int steps = 0;
  l.spawn([&]() -> task<> {
    ++steps;
    l.run_ready();
    EXPECT_EQ(steps, 1);
    EXPECT_EQ(l.next_timeout(), std::nullopt);
    co_return;
  });
  l.spawn([&]() -> task<> {
    ++steps;
    co_return;
  });
  host.until_idle();
  EXPECT_EQ(steps, 2);
}

INSTANTIATE_TEST_SUITE_P(Kernel, EmbeddedLoop,
                         testing::Values(reactor_kind::epoll, reactor_kind::io_uring),
                         [](const auto& p) { return rondo_test::name_of(p.param); });

TEST(EmbeddedLoopChoice, ASimulationHasNoDescriptor) {
  EXPECT_THROW(embedded_loop(run_options().reactor(reactor_kind::simulated)),
               std::invalid_argument);
}

TEST(EmbeddedLoopDeathTest, DestroyedByItsOwnTask) {
  EXPECT_DEATH(
      {
        std::optional<embedded_loop> l(std::in_place, options_for(reactor_kind::epoll));
        l->spawn([&]() -> task<> {
          l.reset();
          co_return;
        });
        while (true) l->run_ready();
      },
      "rondo: an embedded_loop was destroyed by one of its own tasks");
}

}  // namespace
}  // namespace embedded_loop_test
