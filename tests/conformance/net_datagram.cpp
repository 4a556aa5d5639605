// Datagrams: UDP and Unix.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <unistd.h>

#include <array>
#include <map>
#include <set>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::received;
using net::udp_socket;
using net::unix_datagram;

namespace {

std::string_view text_of(std::span<const std::byte> buffer, const received& r) {
  return {reinterpret_cast<const char*>(buffer.data()), r.size};
}

endpoint abstract(const std::string& name) {
  return endpoint::parse("unix:@rondo-" + std::to_string(::getpid()) + "-" + name);
}

}  // namespace

CONFORMANCE(Udp, CarriesDatagramsWholeWithTheirSender) {
  udp_socket a = udp_socket::bind(loopback());
  udp_socket b = udp_socket::bind(loopback());
  std::array<std::byte, 100> buffer{};
  for (const char* text : {"first", "", "third"}) {
    co_await a.send_to(bytes_of(text), b.local_endpoint());
    const received r = co_await b.recv_from(buffer);
    EXPECT_EQ(text_of(buffer, r), text);
    EXPECT_EQ(r.from, a.local_endpoint());
    EXPECT_FALSE(r.truncated);
  }
}

CONFORMANCE(Udp, WorksOverIpv6) {
  udp_socket a = udp_socket::bind(endpoint::parse("[::1]:0"));
  udp_socket b = udp_socket::bind(endpoint::parse("[::1]:0"));
  co_await a.send_to(bytes_of("six"), b.local_endpoint());
  std::array<std::byte, 100> buffer{};
  const received r = co_await b.recv_from(buffer);
  EXPECT_EQ(r.from, a.local_endpoint());
}

CONFORMANCE(Udp, SaysThatADatagramWasCut) {
  udp_socket a = udp_socket::open();
  udp_socket b = udp_socket::bind(loopback());
  co_await a.send_to(bytes_of("more than fits"), b.local_endpoint());
  co_await a.send_to(bytes_of("next"), b.local_endpoint());
  std::array<std::byte, 4> buffer{};
  received r = co_await b.recv_from(buffer);
  EXPECT_EQ(text_of(buffer, r), "more");
  EXPECT_TRUE(r.truncated);
  r = co_await b.recv_from(buffer);  // what was cut is gone
  EXPECT_EQ(text_of(buffer, r), "next");
  EXPECT_FALSE(r.truncated);
}

CONFORMANCE(Udp, RefusesADatagramThatIsTooLong) {
  udp_socket a = udp_socket::open();
  udp_socket b = udp_socket::bind(loopback());
  const std::string at_the_limit(65'507, 'x');
  co_await a.send_to(bytes_of(at_the_limit), b.local_endpoint());
  const std::string too_long(65'508, 'x');
  const auto r = co_await as_result(a.send_to(bytes_of(too_long), b.local_endpoint()));
  EXPECT_EQ(r.code(), system_code(EMSGSIZE));
}

CONFORMANCE(Udp, ConnectedHearsThatNobodyIsThere) {
  endpoint nobody;
  {
    udp_socket gone = udp_socket::bind(loopback());
    nobody = gone.local_endpoint();
  }
  udp_socket s = udp_socket::open();
  co_await s.connect(nobody);
  EXPECT_EQ(s.remote_endpoint(), nobody);
  co_await s.send(bytes_of("anybody?"));
  std::array<std::byte, 100> buffer{};
  const auto r = co_await as_result(s.recv_from(buffer));
  EXPECT_EQ(r.code(), system_code(ECONNREFUSED));
}

CONFORMANCE(Udp, ConnectedTakesFromItsPeerOnly) {
  udp_socket peer = udp_socket::bind(loopback());
  udp_socket stranger = udp_socket::bind(loopback());
  udp_socket s = udp_socket::bind(loopback());
  co_await s.connect(peer.local_endpoint());
  co_await stranger.send_to(bytes_of("hello?"), s.local_endpoint());
  co_await peer.send_to(bytes_of("it is me"), s.local_endpoint());
  std::array<std::byte, 100> buffer{};
  const received r = co_await s.recv_from(buffer);
  EXPECT_EQ(text_of(buffer, r), "it is me");
}

CONFORMANCE(Udp, SendsAndReceivesInBatches) {
  udp_socket a = udp_socket::bind(loopback());
  udp_socket b = udp_socket::bind(loopback());
  std::vector<std::string> texts;
  std::vector<net::outgoing_datagram> out;
  for (int i = 0; i < 100; ++i) texts.push_back("datagram " + std::to_string(i));
  for (const std::string& t : texts) out.push_back({bytes_of(t), b.local_endpoint()});
  for (std::size_t sent = 0; sent < out.size();) {
    const std::size_t n = co_await a.send_batch(std::span(out).subspan(sent));
    EXPECT_GT(n, 0U);
    EXPECT_LE(n, udp_socket::largest_batch);
    sent += n;
  }
  std::vector<std::array<std::byte, 32>> rooms(100);
  std::vector<net::incoming_datagram> in;
  for (auto& room : rooms) in.push_back({room, {}});
  std::size_t calls = 0;
  for (std::size_t got = 0; got < texts.size(); ++calls) {
    const std::size_t n = co_await b.recv_batch(std::span(in).subspan(got));
    for (std::size_t i = got; i < got + n; ++i) {
      EXPECT_EQ(text_of(in[i].buffer, in[i].got), texts[i]);
      EXPECT_EQ(in[i].got.from, a.local_endpoint());
    }
    got += n;
  }
  if (reactor != reactor_kind::simulated) {  // there they arrive one by one
    EXPECT_LE(calls, 4U);
  }
}

CONFORMANCE(Udp, RefusesASecondReceiverAndEndsTheFirstWhenItIsClosed) {
  udp_socket s = udp_socket::bind(loopback());
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::array<std::byte, 8> buffer{};
      EXPECT_EQ((co_await as_result(s.recv_from(buffer))).code(), io_errc::closed);
    });
    co_await sleep_for(1ms);
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ((co_await as_result(s.recv_from(buffer))).code(), io_errc::busy);
    s.close();
  });
  EXPECT_EQ((co_await as_result(s.send_to(bytes_of("x"), loopback(9)))).code(), io_errc::closed);
}

CONFORMANCE(Udp, NamesTheEndpointThatIsTaken) {
  udp_socket a = udp_socket::bind(loopback());
  try {
    udp_socket::bind(a.local_endpoint());
    ADD_FAILURE() << "it was bound twice";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), system_code(EADDRINUSE));
    EXPECT_NE(std::string(e.what()).find(a.local_endpoint().to_string()), std::string::npos);
  }
  EXPECT_THROW(udp_socket::bind(abstract("x")), std::invalid_argument);
  co_return;
}

// Each has a sequence number; the reader counts what is missing, what came twice and what was
// overtaken.
CONFORMANCE_RUNS(Udp, LosesRepeatsAndReordersInTheSimulation) {
  if (reactor != reactor_kind::simulated) return;
  simulation_options world;
  world.seed(3).datagram_loss(0.1).datagram_duplication(0.1).datagram_reordering(0.1);
  run_as(options_for(reactor).simulation(world), []() -> task<> {
    udp_socket a = udp_socket::open();
    udp_socket b = udp_socket::bind(loopback());
    std::map<int, int> came;
    int overtaken = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto reader = g.spawn([&]() -> task<> {
        std::array<std::byte, 16> buffer{};
        for (int last = -1;;) {
          const received r = co_await b.recv_from(buffer);
          const int n = std::stoi(std::string(text_of(buffer, r)));
          overtaken += n < last;
          ++came[n];
          last = n;
        }
      });
      for (int i = 0; i < 1000; ++i) {
        const std::string text = std::to_string(i);
        co_await a.send_to(bytes_of(text), b.local_endpoint());
        co_await sleep_for(1ms);
      }
      co_await sleep_for(1s);
      reader.cancel();
    });
    int twice = 0;
    for (const auto& [n, times] : came) twice += times > 1;
    EXPECT_NEAR(1000 - static_cast<int>(came.size()), 100, 60);
    EXPECT_NEAR(twice, 90, 60);
    EXPECT_GT(overtaken, 30);
  });
}

ON_KERNEL_REACTORS(Udp, ReachesTheMembersOfAGroup) {
  std::string missing;
  run_on(reactor, [&missing]() -> task<> {
    const auto group = net::address::parse("239.255.77.77");
    udp_socket member = udp_socket::bind(endpoint(net::address(), 0));
    udp_socket sender = udp_socket::open();
    try {
      member.join(group, 1);  // the loopback interface
      sender.multicast_interface(1);
    } catch (const std::system_error& e) {
      missing = std::string("no multicast on the loopback interface: ") + e.what();
      co_return;
    }
    sender.multicast_loop(true);
    sender.multicast_hops(0);
    const endpoint to(group, member.local_endpoint().port());
    const auto sent = co_await as_result(sender.send_to(bytes_of("to all"), to));
    if (sent.has_error()) {
      missing = "no route to a multicast group: " + sent.code().message();
      co_return;
    }
    std::array<std::byte, 16> buffer{};
    const received r = co_await member.recv_from(buffer);
    EXPECT_EQ(text_of(buffer, r), "to all");
    member.leave(group, 1);
  });
  if (!missing.empty()) GTEST_SKIP() << missing;
}

ON_KERNEL_REACTORS(Udp, BroadcastsOnlyWhenAskedTo) {
  run_on(reactor, []() -> task<> {
    udp_socket s = udp_socket::open();
    const endpoint all = endpoint::parse("127.255.255.255:9");
    EXPECT_EQ((co_await as_result(s.send_to(bytes_of("x"), all))).code(), system_code(EACCES));
    s.set(net::options::broadcast(true));
    EXPECT_TRUE(s.get<net::options::broadcast>().value);
    EXPECT_NE((co_await as_result(s.send_to(bytes_of("x"), all))).code(), system_code(EACCES));
  });
}

CONFORMANCE(UnixDatagram, GoesToAnAbstractName) {
  unix_datagram a = unix_datagram::bind(abstract("a"));
  unix_datagram b = unix_datagram::bind(abstract("b"));
  co_await a.send_to(bytes_of("to b"), abstract("b"));
  std::array<std::byte, 16> buffer{};
  const received r = co_await b.recv_from(buffer);
  EXPECT_EQ(text_of(buffer, r), "to b");
  EXPECT_EQ(r.from, abstract("a"));
  const auto nobody = co_await as_result(a.send_to(bytes_of("x"), abstract("nobody")));
  EXPECT_EQ(nobody.code(), system_code(ECONNREFUSED));
}

CONFORMANCE(UnixDatagram, WaitsForRoomAndLosesNothing) {
  unix_datagram receiver = unix_datagram::bind(abstract("slow"));
  auto [one, other] = unix_datagram::pair();
  constexpr int count = 300;  // many times what a queue holds
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      unix_datagram sender = unix_datagram::open();
      for (int i = 0; i < count; ++i) {
        const std::string text = std::to_string(i);
        co_await sender.send_to(bytes_of(text), abstract("slow"));
        co_await one.send(bytes_of(text));
      }
    });
    co_await sleep_for(10ms);
    std::array<std::byte, 16> buffer{};
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(text_of(buffer, co_await receiver.recv_from(buffer)), std::to_string(i));
      EXPECT_EQ(text_of(buffer, co_await other.recv_from(buffer)), std::to_string(i));
    }
  });
}

CONFORMANCE_RUNS(CancelEveryWait, Datagrams) {
  int sent = 0;
  int got = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        sent = got = 0;
        udp_socket a = udp_socket::open();
        udp_socket b = udp_socket::bind(loopback());
        co_await a.connect(b.local_endpoint());
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            std::array<std::byte, 16> buffer{};
            for (; got < 3; ++got) co_await b.recv_from(buffer);
          });
          for (; sent < 3; ++sent) {
            co_await sleep_for(100us);
            co_await a.send(bytes_of("ping"));
          }
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_LE(got, sent + 1);
        if (r.has_value()) {
          EXPECT_EQ(got, 3);
        }
      });
  EXPECT_GE(n.at_rest, 5U);
}

CONFORMANCE_RUNS(CancelEveryWait, DatagramBatchesAndUnixDatagrams) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    udp_socket b = udp_socket::bind(loopback());
    unix_datagram d = unix_datagram::bind(abstract("cancel"));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        std::array<std::byte, 16> one{};
        std::array<std::byte, 16> two{};
        std::array<net::incoming_datagram, 2> in{{{one, {}}, {two, {}}}};
        for (std::size_t got = 0; got < 2;) got += co_await b.recv_batch(in);
        co_await d.recv_from(one);
      });
      co_await sleep_for(100us);
      udp_socket a = udp_socket::open();
      const std::array<net::outgoing_datagram, 2> out{
          {{bytes_of("x"), b.local_endpoint()}, {bytes_of("y"), b.local_endpoint()}}};
      co_await a.send_batch(out);
      co_await sleep_for(100us);
      co_await unix_datagram::open().send_to(bytes_of("z"), abstract("cancel"));
    });
  });
  EXPECT_GE(n.at_rest, 4U);
}
