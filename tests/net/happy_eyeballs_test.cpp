// Connecting by name to hosts with several addresses, in exact virtual time.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"
#include "support/seccomp.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime/simulated_world.hpp>

#include <gtest/gtest.h>

#include <netdb.h>
#include <netinet/in.h>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::connect_options;

namespace {

constexpr auto round_trip = 100us;  // twice the simulation's latency
// What the simulation takes at most to withdraw the attempts that lost, which connect waits for.
constexpr auto withdrawal = 20us;

// Runs `body` where "host" has these addresses.
template <class Body>
void with_host(std::vector<std::string> addresses, Body body) {
  simulate([&]() -> task<> {
    this_simulation().host("host", std::move(addresses));
    co_await body();
  });
}
void silence(const std::string& address) {
  this_simulation().address(address).connects_fail_with(ETIMEDOUT);
}

// How a connect to "host" port 80 ended, and after how long.
struct attempt {
  outcome<tcp_stream> result;
  std::chrono::nanoseconds took{};
};
task<attempt> connect_to_host(connect_options options = {}) {
  const auto begun = this_loop().now();
  attempt a;
  a.result = co_await as_result(tcp_stream::connect("host", 80, options));
  a.took = this_loop().now() - begun;
  co_return a;
}

void expect_took(const attempt& a, std::chrono::nanoseconds exactly, int withdrawn) {
  EXPECT_GE(a.took, exactly);
  EXPECT_LE(a.took, exactly + withdrawn * withdrawal);
}

tcp_listener listen_at(const std::string& address) {
  return tcp_listener::bind(endpoint(net::address::parse(address), 80));
}

}  // namespace

TEST(HappyEyeballs, TriesTheNextAddressWhenTheFirstHasHad250Milliseconds) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    silence("2001:db8::1");
    tcp_listener v4 = listen_at("10.0.0.1");
    attempt a = co_await connect_to_host();
    EXPECT_TRUE(a.result.has_value());
    expect_took(a, 250ms + round_trip, 1);
  });
}

TEST(HappyEyeballs, TriesTheNextAddressAtOnceWhenOneFails) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    this_simulation().address("2001:db8::1").latency(10ms, 10ms);
    tcp_listener v4 = listen_at("10.0.0.1");
    attempt a = co_await connect_to_host();
    EXPECT_TRUE(a.result.has_value());
    EXPECT_EQ(a.took, 20ms + round_trip);
  });
}

TEST(HappyEyeballs, KeepsToTheFirstAddressWhileItAnswersInTime) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    this_simulation().address("2001:db8::1").latency(100ms, 100ms);
    tcp_listener v6 = listen_at("2001:db8::1");
    tcp_listener v4 = listen_at("10.0.0.1");
    attempt a = co_await connect_to_host();
    EXPECT_EQ(a.took, 200ms);
    if (a.result.has_value()) {
      EXPECT_TRUE(a.result.value().remote_endpoint().ip().is_v6());
    }
    EXPECT_FALSE(co_await try_for(1s, v4.accept()));
  });
}

TEST(HappyEyeballs, ClosesTheConnectionThatComesSecond) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    this_simulation().address("2001:db8::1").latency(200ms, 200ms);
    tcp_listener v6 = listen_at("2001:db8::1");
    tcp_listener v4 = listen_at("10.0.0.1");
    attempt a = co_await connect_to_host();
    expect_took(a, 250ms + round_trip, 1);
    if (a.result.has_value()) {
      EXPECT_TRUE(a.result.value().remote_endpoint().ip().is_v4());
    }
    tcp_stream loser = co_await v6.accept();  // the SYN had arrived before
    std::array<std::byte, 1> byte{};
    const auto end = co_await as_result(loser.read_some(byte));
    EXPECT_TRUE(end.code() == system_code(ECONNRESET) || (end.has_value() && end.value() == 0));
  });
}

TEST(HappyEyeballs, AlternatesBetweenTheFamilies) {
  const std::vector<std::string> all{"2001:db8::1", "2001:db8::2", "2001:db8::3", "10.0.0.1",
                                     "10.0.0.2"};
  with_host(all, []() -> task<> {
    for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "10.0.0.1"})
      silence(address);
    tcp_listener last = listen_at("10.0.0.2");
    attempt a = co_await connect_to_host();
    EXPECT_TRUE(a.result.has_value());
    expect_took(a, 3 * 250ms + round_trip, 3);  // ::1, 10.0.0.1, ::2, 10.0.0.2
  });
}

TEST(HappyEyeballs, ThrowsTheMostTellingErrorWhenAllHaveFailed) {
  with_host({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, []() -> task<> {
    this_simulation().address("10.0.0.1").connects_fail_with(EHOSTUNREACH);
    this_simulation().address("10.0.0.3").connects_fail_with(ENETUNREACH);
    try {
      co_await tcp_stream::connect("host", 80);
      ADD_FAILURE() << "it was connected";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), system_code(ECONNREFUSED));
      EXPECT_NE(std::string(e.what()).find("host (10.0.0.2:80)"), std::string::npos) << e.what();
    }
  });
}

namespace {

template <class Connect>
task<std::string> failure_of(Connect connect) {
  try {
    co_await connect();
  } catch (const std::system_error& e) {
    co_return e.what();
  }
  co_return "it was connected";
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(HappyEyeballs, NamesTheFirstAddressOfThoseThatFailedAlike) {
  with_host({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, []() -> task<> {
    const std::string what = co_await failure_of([] { return tcp_stream::connect("host", 80); });
    EXPECT_TRUE(says(what, "connect to host (10.0.0.1:80)")) << what;
    // The first to fail, not the first to be tried.
    this_simulation().address("10.0.0.1").latency(2s, 2s);
    const std::string late = co_await failure_of([] { return tcp_stream::connect("host", 80); });
    EXPECT_TRUE(says(late, "connect to host (10.0.0.2:80)")) << late;
  });
}

TEST(HappyEyeballs, NamesTheAddressAloneWhereThereWasNoName) {
  simulate([]() -> task<> {
    const std::vector all{endpoint::parse("10.0.0.1:80"), endpoint::parse("[2001:db8::1]:80")};
    this_simulation().address("10.0.0.1").connects_fail_with(EHOSTUNREACH);
    const std::string several = co_await failure_of([&] { return tcp_stream::connect(all); });
    EXPECT_TRUE(says(several, "connect to [2001:db8::1]:80")) << several;
    const std::string one = co_await failure_of([&] { return tcp_stream::connect(all[0]); });
    EXPECT_TRUE(says(one, "connect to 10.0.0.1:80")) << one;
  });
}

// An attempt's own time is that attempt's failure; the time for everything belongs to no address.
TEST(HappyEyeballs, NamesTheHostWhenTheTimeForEverythingIsUp) {
  with_host({"10.0.0.1", "10.0.0.2"}, []() -> task<> {
    silence("10.0.0.1");
    silence("10.0.0.2");
    const std::string all = co_await failure_of(
        [] { return tcp_stream::connect("host", 80, connect_options().timeout(1s)); });
    EXPECT_TRUE(says(all, "connect to host: ")) << all;
    const std::string each = co_await failure_of(
        [] { return tcp_stream::connect("host", 80, connect_options().attempt_timeout(1s)); });
    EXPECT_TRUE(says(each, "connect to host (10.0.0.1:80)")) << each;
  });
}

TEST(HappyEyeballs, WaitsAsLongAsLinuxForAnAddressThatIsSilent) {
  with_host({"10.0.0.1"}, []() -> task<> {
    silence("10.0.0.1");
    attempt a = co_await connect_to_host();
    EXPECT_EQ(a.result.code(), system_code(ETIMEDOUT));
    EXPECT_EQ(a.took, 127s);
  });
}

TEST(HappyEyeballs, GivesUpAtItsTimeoutAndSaysSo) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    silence("2001:db8::1");
    silence("10.0.0.1");
    attempt a = co_await connect_to_host(connect_options().timeout(1s));
    EXPECT_EQ(a.result.code(), system_code(ETIMEDOUT));
    expect_took(a, 1s, 2);
    a = co_await connect_to_host(connect_options().attempt_timeout(100ms));
    EXPECT_EQ(a.result.code(), system_code(ETIMEDOUT));
    expect_took(a, 200ms, 2);  // the second starts when the first has had its time
  });
}

TEST(HappyEyeballs, TakesAnotherDelayAndOneFamily) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    silence("2001:db8::1");
    tcp_listener v4 = listen_at("10.0.0.1");
    attempt a = co_await connect_to_host(connect_options().attempt_delay(10ms));
    expect_took(a, 10ms + round_trip, 1);
    a = co_await connect_to_host(connect_options().family(net::address_family::v4));
    EXPECT_EQ(a.took, round_trip);
    a = co_await connect_to_host(connect_options().family(net::address_family::v6).timeout(1s));
    EXPECT_EQ(a.result.code(), system_code(ETIMEDOUT));
  });
  with_host({"10.0.0.1"}, []() -> task<> {
    attempt a = co_await connect_to_host(connect_options().family(net::address_family::v6));
    EXPECT_EQ(a.result.code(), system_code(EADDRNOTAVAIL));
  });
}

TEST(HappyEyeballs, ConnectsFromTheLocalAddressItIsGiven) {
  with_host({"2001:db8::1", "10.0.0.1"}, []() -> task<> {
    tcp_listener v4 = listen_at("10.0.0.1");
    attempt a = co_await connect_to_host(connect_options().local(endpoint::parse("10.0.0.9:4000")));
    EXPECT_EQ(a.took, round_trip);  // IPv6 was not tried from there
    tcp_stream peer = co_await v4.accept();
    EXPECT_EQ(peer.remote_endpoint(), endpoint::parse("10.0.0.9:4000"));
  });
}

// A system of which only this option is missing; in a program of its own.
TEST(HappyEyeballsDeathTest, ConnectsFromALocalAddressWhereNoOptionPutsOffItsPort) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ends_with = [](int expected) -> task<bool> {
    tcp_listener here = tcp_listener::bind(endpoint::parse("127.0.0.1:0"));
    const auto r = co_await as_result(tcp_stream::connect(
        here.local_endpoint(), connect_options().local(endpoint::parse("127.0.0.3:0"))));
    if (expected != 0 || !r.has_value()) co_return r.code() == system_code(expected);
    const tcp_stream peer = co_await here.accept();
    co_return peer.remote_endpoint().ip().to_string() == "127.0.0.3";
  };
  const auto try_without = [&](int error, int expected) {
    const bool forbidden = forbid_socket_option(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, error);
    const bool good = run(ends_with(expected), run_options().reactor(reactor_kind::epoll));
    std::_Exit(forbidden && good ? 0 : 1);
  };
  EXPECT_EXIT(try_without(ENOPROTOOPT, 0), testing::ExitedWithCode(0), "");
  // No other error is passed over.
  EXPECT_EXIT(try_without(EPERM, EPERM), testing::ExitedWithCode(0), "");
}

TEST(HappyEyeballs, SaysThatTheNameServerFailed) {
  with_host({"10.0.0.1"}, []() -> task<> {
    this_simulation().lookups(3s, 3s).lookup_failures(1);
    attempt a = co_await connect_to_host();
    EXPECT_EQ(a.result.code(), std::error_code(EAI_AGAIN, net::resolver_category()));
    EXPECT_EQ(a.took, 3s);
    a = co_await connect_to_host(connect_options().timeout(1s));
    EXPECT_EQ(a.result.code(), system_code(ETIMEDOUT));
    EXPECT_EQ(a.took, 1s);
  });
}

TEST(HappyEyeballs, PassesOverWhatTheFilterRefuses) {
  with_host({"2001:db8::1", "10.0.0.1", "2001:db8::2"}, []() -> task<> {
    silence("2001:db8::1");
    tcp_listener v4 = listen_at("10.0.0.1");
    tcp_listener v6 = listen_at("2001:db8::2");
    const endpoint refused = endpoint::parse("10.0.0.1:80");
    std::vector<std::string> asked;
    attempt a = co_await connect_to_host(connect_options().filter([&](const endpoint& to) {
      asked.push_back(to.to_string());
      return to != refused;
    }));
    EXPECT_TRUE(a.result.has_value());
    expect_took(a, 250ms + round_trip, 1);
    EXPECT_EQ(asked,
              (std::vector<std::string>{"[2001:db8::1]:80", "10.0.0.1:80", "[2001:db8::2]:80"}));
    EXPECT_FALSE(co_await try_for(1s, v4.accept()));
  });
}

TEST(HappyEyeballs, SaysThatTheFilterRefusesAll) {
  const auto none = connect_options().filter([](const endpoint&) { return false; });
  for (const std::vector<std::string>& all :
       {std::vector<std::string>{"10.0.0.1"}, {"10.0.0.1", "10.0.0.2"}})
    with_host(all, [&]() -> task<> {
      try {
        co_await tcp_stream::connect("host", 80, none);
        ADD_FAILURE() << "it was connected";
      } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::permission_denied);
        EXPECT_NE(std::string(e.what()).find("host (10.0.0.1:80), which the filter refuses"),
                  std::string::npos)
            << e.what();
      }
      const auto one =
          co_await as_result(tcp_stream::connect(endpoint::parse("10.0.0.1:80"), none));
      EXPECT_EQ(one.code(), std::errc::permission_denied);
    });
}

TEST(HappyEyeballs, TellsWhatFailedRatherThanWhatWasRefused) {
  with_host({"10.0.0.1", "10.0.0.2"}, []() -> task<> {
    this_simulation().address("10.0.0.2").connects_fail_with(ENETUNREACH);
    const endpoint refused = endpoint::parse("10.0.0.1:80");
    const attempt a = co_await connect_to_host(
        connect_options().filter([&](const endpoint& to) { return to != refused; }));
    EXPECT_EQ(a.result.code(), system_code(ENETUNREACH));
  });
}

TEST(HappyEyeballs, RacesAddressesThatAreKnown) {
  simulate([]() -> task<> {
    silence("2001:db8::1");
    tcp_listener v4 = listen_at("10.0.0.1");
    const std::vector<endpoint> known{endpoint::parse("[2001:db8::1]:80"),
                                      endpoint::parse("[2001:db8::2]:80"),
                                      endpoint::parse("10.0.0.1:80")};
    const auto begun = this_loop().now();
    tcp_stream s = co_await tcp_stream::connect(known);
    EXPECT_EQ(s.remote_endpoint(), known.back());
    EXPECT_LE(this_loop().now() - begun, 250ms + round_trip + withdrawal);
    EXPECT_THROW(co_await tcp_stream::connect(std::vector<endpoint>()), std::invalid_argument);
    EXPECT_THROW(co_await tcp_stream::connect(std::vector{endpoint::parse("unix:@x")}),
                 std::invalid_argument);
  });
}

TEST(HappyEyeballs, LeavesNothingWhereverItIsCancelled) {
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      []() -> task<> {
        simulated_world& world = this_simulation();
        world.host("host", {"2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2"});
        world.lookups(1ms, 1ms);
        world.address("2001:db8::2").latency(100ms, 100ms);
        silence("2001:db8::1");
        tcp_listener v6 = listen_at("2001:db8::2");
        tcp_listener v4 = listen_at("10.0.0.2");
        tcp_stream s = co_await tcp_stream::connect("host", 80);
        EXPECT_TRUE(s.is_open());
      },
      [] {});
  EXPECT_GE(n.at_rest, 6U);
}
