// Several have the same listener, as when a service manager starts the next server before it stops
// the one before: who closes his takes nothing from the others.
#include "net/kept_listener.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <sys/socket.h>

#include <array>
#include <vector>

namespace net_handover_cases {

using namespace rondo;
using namespace rondo_test;
using net::serve_handle;
using net::serve_options;

namespace {

// More than a reactor keeps for who has not asked.
constexpr int crowd = 40;
// In which of its turns the loop is caught.
constexpr int most_turns = 8;

std::vector<tcp_stream> connect_crowd(const kept_listener& to) {
  std::vector<tcp_stream> all;
  for (int i = 0; i < crowd; ++i) all.push_back(to.connect());
  return all;
}

task<> pass_turns(int n) {
  for (int i = 0; i < n; ++i) co_await yield_now();
}

task<> echo(tcp_stream s) {
  std::array<std::byte, 64> buffer{};
  while (const std::size_t n = co_await s.read_some(buffer))
    co_await s.write_all(std::span(buffer).first(n));
}

}  // namespace

ON_KERNEL_REACTORS(Handover, AListenerThatIsClosedGoesOnForItsDuplicates) {
  run_on(reactor, []() -> task<> {
    stream_pair elsewhere = co_await connect_pair();
    for (int turns = 0; turns <= most_turns; ++turns) {
      const kept_listener all;
      tcp_listener first = all.duplicate();
      tcp_listener second = all.duplicate();
      const tcp_stream client = all.connect();
      const tcp_stream taken = co_await first.accept();
      const std::vector<tcp_stream> waiting = connect_crowd(all);
      for (int i = 0; i < turns; ++i)  // each looks into the kernel
        co_await write_text(elsewhere.client, "x");
      first.close();
      const tcp_stream later = all.connect();
      const auto next = co_await as_result(second.accept());
      EXPECT_TRUE(next.has_value()) << next.code().message() << " after " << turns << " turns";
    }
  });
}

ON_KERNEL_REACTORS(Handover, AnAcceptUnderWhichTheListenerIsClosedEndsAlone) {
  run_on(reactor, []() -> task<> {
    const kept_listener all;
    tcp_listener first = all.duplicate();
    tcp_listener second = all.duplicate();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto pending = g.spawn([&]() -> task<> {
        EXPECT_EQ((co_await as_result(first.accept())).code(), io_errc::closed);
      });
      auto readable = g.spawn(
          [&]() -> task<> { EXPECT_TRUE((co_await as_result(second.accept())).has_value()); });
      co_await pass_turns(2);
      first.close();
      co_await pending;
      const tcp_stream later = all.connect();
      co_await readable;
    });
  });
}

ON_KERNEL_REACTORS(Handover, ADuplicateMayHaveTheNumberOfOneBefore) {
  run_on(reactor, []() -> task<> {
    const kept_listener all;
    for (int i = 0; i < 3; ++i) {
      tcp_listener l = all.duplicate();
      const tcp_stream client = all.connect();
      const tcp_stream accepted = co_await l.accept();
      // The next connect is accepted after a wait, for which the reactor enlists the listener.
      co_await with_task_group([&](task_group& g) -> task<> {
        auto pending = g.spawn([&]() -> task<> {
          const auto next = co_await as_result(l.accept());
          EXPECT_TRUE(next.has_value()) << next.code().message();
        });
        co_await pass_turns(2);
        const tcp_stream later = all.connect();
        co_await pending;
      });
    }
  });
}

// Whatever the first has taken from the kernel when it is told to stop.
ON_KERNEL_REACTORS(Handover, AStopLosesNoConnection) {
  run_on(reactor, []() -> task<> {
    for (int turns = 0; turns <= most_turns; ++turns) {
      const kept_listener all;
      serve_handle first;
      serve_handle second;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(net::serve(all.duplicate(), echo, serve_options(), first));
        co_await pass_turns(2);
        std::vector<tcp_stream> clients = connect_crowd(all);
        co_await pass_turns(turns);
        first.stop();
        g.spawn(net::serve(all.duplicate(), echo, serve_options(), second));
        for (tcp_stream& c : clients) {
          std::array<std::byte, 1> one{};
          const auto asked = co_await as_result(c.write_all(one));
          const auto answered = co_await as_result(c.read_some(one));
          EXPECT_TRUE(asked.has_value() && answered.has_value() && answered.value() == 1)
              << "stopped after " << turns << " turns";
        }
        second.stop();
      });
      EXPECT_EQ(first.accepted() + second.accepted(), static_cast<std::uint64_t>(crowd));
    }
  });
}

// Where there is no room for those that it has taken: they are served when others have ended.
ON_KERNEL_REACTORS(Handover, AFullServersStopLosesNoConnection) {
  run_on(reactor, []() -> task<> {
    for (int turns = 0; turns <= most_turns; ++turns) {
      const kept_listener all;
      serve_handle first;
      serve_handle second;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(net::serve(all.duplicate(), echo, serve_options().max_connections(2), first));
        co_await pass_turns(2);
        std::vector<tcp_stream> clients = connect_crowd(all);
        co_await pass_turns(turns);
        first.stop();
        g.spawn(net::serve(all.duplicate(), echo, serve_options(), second));
        for (tcp_stream& c : clients) {
          std::array<std::byte, 1> one{};
          const auto asked = co_await as_result(c.write_all(one));
          const auto answered = co_await as_result(c.read_some(one));
          EXPECT_TRUE(asked.has_value() && answered.has_value() && answered.value() == 1)
              << "stopped after " << turns << " turns";
          c.close();
        }
        second.stop();
      });
      EXPECT_EQ(first.accepted() + second.accepted(), static_cast<std::uint64_t>(crowd));
    }
  });
}

}  // namespace net_handover_cases
