// Partitions, and datagrams that are lost, come twice or overtake one another.
#include "net/net_support.hpp"
#include "support/run_on.hpp"

#include <rondo/net.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using detail::io_call;

const endpoint database = endpoint::parse("10.0.0.2:5432");

simulation_options world_with_hosts() {
  return simulation_options().host("db", "10.0.0.2").host("web", "10.0.0.3");
}

template <class Fn>
void run_in(const simulation_options& world, Fn scenario) {
  run_as(options_for(reactor_kind::simulated).simulation(world), std::move(scenario));
}

TEST(SimulatedNetwork, APartitionHoldsAStreamUntilItHeals) {
  run_in(world_with_hosts().partition("localhost", "db", 10ms, 5s), []() -> task<> {
    const auto begin = this_loop().now();
    tcp_listener listener = tcp_listener::bind(database);
    tcp_stream client = co_await tcp_stream::connect(database);
    tcp_stream server = co_await listener.accept();
    co_await sleep_for(20ms);
    for (const char* text : {"one ", "two ", "three"}) {
      co_await write_text(client, text);
      co_await sleep_for(1ms);
    }
    client.close();
    std::vector<std::byte> buffer(16);
    EXPECT_FALSE(co_await try_for(1s, server.read_some(buffer)));
    EXPECT_EQ(co_await read_text(server), "one two three");
    EXPECT_GE(this_loop().now() - begin, 5s + 10ms);
    EXPECT_LT(this_loop().now() - begin, 6s);
  });
}

TEST(SimulatedNetwork, AConnectAcrossAPartitionWaitsForItsEnd) {
  run_in(world_with_hosts().partition("db", "localhost", 0s, 30s), []() -> task<> {
    tcp_listener listener = tcp_listener::bind(database);
    const auto begin = this_loop().now();
    tcp_stream client = co_await tcp_stream::connect(database);
    EXPECT_GE(this_loop().now() - begin, 30s);
    EXPECT_LE(this_loop().now() - begin, 32s);
  });
}

TEST(SimulatedNetwork, AConnectAcrossAPartitionTimesOut) {
  run_in(world_with_hosts().partition("localhost", "db", 0s, 1h), []() -> task<> {
    tcp_listener listener = tcp_listener::bind(database);
    const auto begin = this_loop().now();
    EXPECT_EQ((co_await as_result(tcp_stream::connect(database))).code(), system_code(ETIMEDOUT));
    EXPECT_GE(this_loop().now() - begin, 127s);
  });
}

TEST(SimulatedNetwork, AConnectionThatIsCutForTooLongTimesOut) {
  run_in(world_with_hosts().partition("localhost", "db", 1s, 1h), []() -> task<> {
    tcp_listener listener = tcp_listener::bind(database);
    tcp_stream client = co_await tcp_stream::connect(database);
    tcp_stream server = co_await listener.accept();
    co_await sleep_for(2s);
    co_await write_text(client, "anybody?");
    std::vector<std::byte> buffer(16);
    EXPECT_EQ((co_await as_result(client.read_some(buffer))).code(), system_code(ETIMEDOUT));
  });
}

TEST(SimulatedNetwork, APartitionLeavesOtherHostsAlone) {
  run_in(world_with_hosts().partition("localhost", "db", 0s, 1h), []() -> task<> {
    tcp_listener listener = tcp_listener::bind(endpoint::parse("10.0.0.3:80"));
    tcp_stream client = co_await tcp_stream::connect("web", 80);
    tcp_stream server = co_await listener.accept();
    co_await write_text(client, "hello");
    EXPECT_EQ(co_await read_text(server, 5), "hello");
  });
}

TEST(SimulatedNetwork, APartitionWantsHostsThatAreKnown) {
  EXPECT_THROW(
      run_in(world_with_hosts().partition("db", "dbb", 0s, 1s), []() -> task<> { co_return; }),
      std::invalid_argument);
}

// The reactor's operation as it is.
class datagram_wait final : public detail::io_wait {
 public:
  datagram_wait(detail::descriptor d, const io_call& call) : io_wait(d, call) {}
  std::int32_t await_resume() const noexcept { return result; }
};

struct arrivals {
  std::vector<int> numbers;  // in order of arrival
  std::string trace;
};

arrivals send_a_thousand(const simulation_options& options, std::uint64_t seed) {
  arrivals all;
  simulation_options world = options;
  world.seed(seed).trace(all.trace);
  run_in(world, [&]() -> task<> {
    net::socket from = net::socket::open(AF_INET, SOCK_DGRAM, detail::transfers::may_stop_short);
    net::socket to = net::socket::open(AF_INET, SOCK_DGRAM, detail::transfers::may_stop_short);
    to.bind(loopback());
    sockaddr_storage name{};
    const unsigned size = to.local_endpoint().to_sockaddr(name);
    EXPECT_EQ(co_await datagram_wait(from.get(),
                                     io_call::connect(reinterpret_cast<sockaddr*>(&name), size)),
              0);
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(co_await datagram_wait(from.get(), io_call::send(&i, sizeof i)),
                static_cast<int>(sizeof i));
      co_await sleep_for(1ms);
    }
    for (;;) {
      int i = -1;
      const auto n = co_await try_for(1s, datagram_wait(to.get(), io_call::recv(&i, sizeof i)));
      if (!n) break;
      all.numbers.push_back(i);
    }
  });
  return all;
}

TEST(SimulatedNetwork, DatagramsArriveOnceAndInOrderUnlessTheOptionsSayOtherwise) {
  const arrivals all = send_a_thousand(simulation_options(), 1);
  EXPECT_EQ(all.numbers.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(all.numbers));
}

TEST(SimulatedNetwork, LosesRepeatsAndReordersDatagrams) {
  const std::vector<int> lossy =
      send_a_thousand(simulation_options().datagram_loss(0.1), 1).numbers;
  EXPECT_LT(lossy.size(), 950U);
  EXPECT_GT(lossy.size(), 850U);
  EXPECT_TRUE(std::ranges::is_sorted(lossy));

  const std::vector<int> repeated =
      send_a_thousand(simulation_options().datagram_duplication(0.1), 1).numbers;
  EXPECT_GT(repeated.size(), 1050U);
  EXPECT_EQ(std::set<int>(repeated.begin(), repeated.end()).size(), 1000U);

  const std::vector<int> reordered =
      send_a_thousand(simulation_options().datagram_reordering(0.1), 1).numbers;
  EXPECT_EQ(std::set<int>(reordered.begin(), reordered.end()).size(), 1000U);
  EXPECT_FALSE(std::ranges::is_sorted(reordered));
}

TEST(SimulatedNetwork, TheSameSeedGivesTheSameTraceOfDatagrams) {
  const auto world =
      simulation_options().datagram_loss(0.1).datagram_duplication(0.1).datagram_reordering(0.1);
  EXPECT_EQ(send_a_thousand(world, 5).trace, send_a_thousand(world, 5).trace);
  EXPECT_NE(send_a_thousand(world, 5).trace, send_a_thousand(world, 6).trace);
}

}  // namespace
