#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/environment_variable.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/receive.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::run_on;
using rondo_test::simulate;

// Two ends of a pipe or of a pair of sockets.
class ends {
 public:
  static ends pipe() {
    ends e;
    EXPECT_EQ(::pipe2(e.fd_.data(), O_CLOEXEC | O_NONBLOCK), 0);
    return e;
  }
  static ends sockets(int flags = SOCK_NONBLOCK) {
    ends e;
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, e.fd_.data()), 0);
    return e;
  }
  ends(ends&& other) noexcept : fd_(std::exchange(other.fd_, {-1, -1})) {}
  ends& operator=(ends&&) = delete;
  ~ends() {
    close(0);
    close(1);
  }
  int operator[](std::size_t i) const { return fd_[i]; }
  void close(std::size_t i) {
    if (fd_[i] >= 0) ::close(std::exchange(fd_[i], -1));
  }
  void write(std::size_t i, std::size_t n) const {
    const std::vector<char> bytes(n, 'x');
    EXPECT_EQ(::write(fd_[i], bytes.data(), n), static_cast<ssize_t>(n));
  }
  // Until nothing more goes in.
  void fill(std::size_t i) const {
    const std::array<char, 4096> bytes{};
    while (::write(fd_[i], bytes.data(), bytes.size()) > 0) {
    }
  }
  void drain(std::size_t i) const {
    std::array<char, 4096> bytes;
    while (::read(fd_[i], bytes.data(), bytes.size()) > 0) {
    }
  }

 private:
  ends() = default;
  std::array<int, 2> fd_{-1, -1};
};

ON_KERNEL_REACTORS(Poll, AReadableDescriptorCompletesAtOnce) {
  const ends p = ends::pipe();
  p.write(1, 1);
  run_on(reactor, [&]() -> task<> {
    co_await readable(p[0]);
    co_await readable(p[0]);  // nothing was read: it still is
    co_await writable(p[1]);
  });
}

ON_KERNEL_REACTORS(Poll, WaitsUntilThereIsSomethingToRead) {
  const ends p = ends::pipe();
  run_on(reactor, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(readable(p[0]));
      for (int i = 0; i < 5; ++i) co_await yield_now();
      EXPECT_FALSE(h.done());
      p.write(1, 1);
      co_await h;
      p.drain(0);
      EXPECT_FALSE(co_await try_for(1ms, readable(p[0])));
    });
  });
}

ON_KERNEL_REACTORS(Poll, WaitsUntilThereIsRoomToWrite) {
  const ends s = ends::sockets();
  s.fill(0);
  run_on(reactor, [&]() -> task<> {
    EXPECT_FALSE(co_await try_for(1ms, writable(s[0])));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(writable(s[0]));
      co_await yield_now();
      s.drain(1);
      co_await h;
    });
  });
}

ON_KERNEL_REACTORS(Poll, BothDirectionsOfOneDescriptorAtOnce) {
  const ends s = ends::sockets();
  s.fill(0);
  run_on(reactor, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto in = g.spawn(readable(s[0]));
      auto out = g.spawn(writable(s[0]));
      for (int i = 0; i < 5; ++i) co_await yield_now();
      EXPECT_FALSE(in.done());
      EXPECT_FALSE(out.done());
      s.drain(1);
      co_await out;
      EXPECT_FALSE(in.done());
      s.write(1, 1);
      co_await in;
    });
  });
}

ON_KERNEL_REACTORS(Poll, CompletesWhenTheOtherEndIsClosed) {
  ends p = ends::pipe();
  ends q = ends::pipe();
  q.fill(1);
  run_on(reactor, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto reader = g.spawn(readable(p[0]));
      auto writer = g.spawn(writable(q[1]));
      co_await yield_now();
      p.close(1);
      q.close(0);
      co_await reader;
      co_await writer;
    });
  });
}

ON_KERNEL_REACTORS(Poll, ADescriptorThatIsNotOpenIsAnError) {
  run_on(reactor, []() -> task<> {
    for (const int fd : {-1, 54'321}) {
      try {
        co_await readable(fd);
        ADD_FAILURE();
      } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::bad_file_descriptor);
      }
      EXPECT_EQ((co_await as_result(readable(fd))).code(), std::errc::bad_file_descriptor);
    }
  });
}

ON_KERNEL_REACTORS(Poll, ACancelledWaitLeavesTheDescriptorAsItWas) {
  const ends p = ends::pipe();
  run_on(reactor, [&]() -> task<> {
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(co_await try_for(1us, readable(p[0])));
    }
    p.write(1, 1);
    co_await readable(p[0]);
  });
}

ON_KERNEL_REACTORS(Poll, ANumberGivenAgainIsAnotherDescriptor) {
  run_on(reactor, []() -> task<> {
    for (int i = 0; i < 20; ++i) {
      const ends p = ends::pipe();
      EXPECT_FALSE(co_await try_for(1us, readable(p[0]))) << "an event of the one before";
      p.write(1, 1);
      co_await readable(p[0]);
    }
  });
}

ON_KERNEL_REACTORS(Poll, ManyDescriptorsAtOnce) {
  constexpr int pairs = 600;  // more than io_uring's queue takes at once
  std::vector<ends> all;
  for (int i = 0; i < pairs; ++i) all.push_back(ends::pipe());
  run_on(reactor, [&]() -> task<> {
    int done = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (const ends& p : all)
        g.spawn([&]() -> task<> {
          co_await readable(p[0]);
          ++done;
        });
      for (int i = 0; i < 20; ++i) co_await yield_now();
      EXPECT_EQ(done, 0);
      for (const ends& p : all) p.write(1, 1);
    });
    EXPECT_EQ(done, pairs);
    // And cancelled all at once.
    for (const ends& p : all) p.drain(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (const ends& p : all) g.spawn(readable(p[0]));
      for (int i = 0; i < 20; ++i) co_await yield_now();
      g.cancel();
    });
  });
}

ON_KERNEL_REACTORS(Poll, ASecondWaiterOfADirectionIsRefused) {
  const ends s = ends::sockets();
  s.fill(0);
  run_on(reactor, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto in = g.spawn(readable(s[0]));
      auto out = g.spawn(writable(s[0]));
      for (int i = 0; i < 5; ++i) co_await yield_now();
      EXPECT_EQ((co_await as_result(readable(s[0]))).code(), io_errc::busy);
      EXPECT_EQ((co_await as_result(writable(s[0]))).code(), io_errc::busy);
      try {
        co_await readable(s[0]);
        ADD_FAILURE();
      } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), io_errc::busy);
      }
      EXPECT_FALSE(in.done());
      EXPECT_FALSE(out.done());
      s.write(1, 1);
      s.drain(1);
      co_await in;
      co_await out;
    });
    co_await readable(s[0]);  // the direction is free again
    s.drain(0);
    EXPECT_FALSE(co_await try_for(1ms, readable(s[0])));
    EXPECT_FALSE(co_await try_for(1ms, readable(s[0])));  // and after one that was cancelled
  });
}

ON_KERNEL_REACTORS(Poll, ANumberThatIsNoDescriptorTakesNoMemory) {
  run_on(reactor, []() -> task<> {
    EXPECT_EQ((co_await as_result(readable(2'000'000'000))).code(), std::errc::bad_file_descriptor);
  });
}

ON_KERNEL_REACTORS(Poll, IsCancelledAtEveryWait) {
  const ends p = ends::pipe();
  const auto n = rondo_test::cancel_at_every_wait(reactor, [&]() -> task<> {
    p.drain(0);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(readable(p[0]));
      g.spawn(writable(p[1]));
      co_await yield_now();
      p.write(1, 1);
    });
  });
  // The group, its body's yield, readable; what can be written is found out without a wait on epoll
  // alone.
  EXPECT_EQ(n.at_rest, reactor == reactor_kind::epoll ? 3U : 4U);
}

// io_uring's queue takes 512 entries at a time, and there is room for 8,192 completions. Where the
// kernel may do its work in any system call, the write completes all of these at once.
class PollOnIoUring : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string why = rondo_test::missing(reactor_kind::io_uring); !why.empty())
      GTEST_SKIP() << why;
  }
  const rondo_test::environment_variable flags_{"RONDO_IO_URING_FLAGS", GetParam()};
};

// Looks at the first byte and leaves it: many of them may wait on one socket, for which it is no
// socket of Rondo's.
class peek_wait final : public detail::io_wait {
 public:
  explicit peek_wait(int fd) noexcept
      : io_wait({fd, 0}, detail::io_call::recv(&byte_, 1, MSG_PEEK)) {}
  peek_wait(const peek_wait&) = delete;
  peek_wait& operator=(const peek_wait&) = delete;
  ~peek_wait() = default;
  void await_resume() const { EXPECT_EQ(result, 1); }

 private:
  char byte_ = 0;
};

TEST_P(PollOnIoUring, MoreOperationsThanItHasRoomForAllComplete) {
  constexpr std::uint64_t many = 20'000;
  const ends p = ends::sockets(0);
  run_on(reactor_kind::io_uring, [&]() -> task<> {
    std::uint64_t done = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::uint64_t i = 0; i < many; ++i)
        g.spawn([&]() -> task<> {
          co_await peek_wait(p[0]);
          ++done;
        });
      while (this_loop().stats().submissions < many) co_await yield_now();
      co_await sleep_for(1ms);  // the kernel has them all
      EXPECT_EQ(done, 0U);
      p.write(1, 1);
    });
    EXPECT_EQ(done, many);
    const loop_stats stats = this_loop().stats();
    EXPECT_EQ(stats.submissions, stats.completions);
    if (GetParam() == std::string_view("DEFER_TASKRUN"))
      EXPECT_EQ(stats.overflows, 0U);  // the kernel waits until it is asked
    else
      EXPECT_GT(stats.overflows, 0U);
  });
}

// A stream of the reactor's ends when its completion finds no room, and begins again.
TEST_P(PollOnIoUring, AStreamLosesNothingToAFullRing) {
  constexpr std::uint64_t many = 10'000;
  const ends p = ends::sockets(0);
  run_on(reactor_kind::io_uring, [&]() -> task<> {
    detail::reactor& io = detail::this_core().io();
    int fds[2];
    EXPECT_EQ(io.open_pair(SOCK_STREAM, fds), 0);
    const detail::descriptor ours{fds[0],
                                  io.attach(fds[0], detail::transfers::stop_short_when_drained)};
    std::string read;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (;;) {
          const received_bytes piece = co_await detail::receive_wait(ours);
          if (piece.empty()) co_return;
          for (const std::byte b : piece.bytes()) read += static_cast<char>(b);
        }
      });
      for (std::uint64_t i = 0; i < many; ++i)
        g.spawn([&]() -> task<> { co_await peek_wait(p[0]); });
      while (this_loop().stats().submissions < many + 1) co_await yield_now();
      co_await sleep_for(1ms);
      p.write(1, 1);
      for (char c = 'a'; c <= 'z'; ++c) EXPECT_EQ(::send(fds[1], &c, 1, MSG_NOSIGNAL), 1);
      co_await yield_now();
      EXPECT_EQ(::send(fds[1], "!", 1, MSG_NOSIGNAL), 1);
      EXPECT_EQ(::shutdown(fds[1], SHUT_WR), 0);
    });
    EXPECT_EQ(read, "abcdefghijklmnopqrstuvwxyz!");
    io.close(ours);
    detail::close_unattached(fds[1]);
    EXPECT_EQ(this_loop().stats().overflows > 0, GetParam() != std::string_view("DEFER_TASKRUN"));
  });
}

INSTANTIATE_TEST_SUITE_P(Setups, PollOnIoUring,
                         testing::Values("DEFER_TASKRUN", "COOP_TASKRUN", "none"),
                         [](const auto& setup) { return std::string(setup.param); });

TEST(Poll, InTheSimulationARealDescriptorIsNotServed) {
  simulate(
      []() -> task<> { EXPECT_EQ((co_await as_result(readable(0))).code(), io_errc::closed); });
}

}  // namespace
