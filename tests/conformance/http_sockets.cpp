// client_options::sockets: how a client's TCP connections are opened.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/net/resolver.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using http::trace_point;

namespace {

using endpoints = std::vector<endpoint>;

// Gives the same addresses for every name, and counts how often it is asked.
auto always(endpoints found, int& asked) {
  return [found = std::move(found), &asked](std::string, std::uint16_t) -> task<endpoints> {
    ++asked;
    co_await yield_now();
    co_return found;
  };
}

struct lookups final : http::tracer {
  void on(const http::trace_event& e) override {
    if (e.what == trace_point::resolved) found += static_cast<int>(e.number);
  }
  int found = 0;
};

// A peer that answers with the address that it is asked from.
task<> tell_who_asks(tcp_stream& s, int) {
  net::buffered_reader in(s);
  while (!(co_await read_head(in)).empty()) {
    const std::string who = s.remote_endpoint().ip().to_string();
    co_await write_text(
        s, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(who.size()) + "\r\n\r\n" + who);
  }
}

std::string port_of(const std::string& origin) { return origin.substr(origin.rfind(':')); }

}  // namespace

CONFORMANCE(HttpSockets, ConnectFromTheLocalAddress) {
  co_await with_peer(tell_who_asks, [](std::string origin) -> task<> {
    http::client plain;
    EXPECT_EQ(co_await get_text(plain, origin + "/"), "127.0.0.1");
    http::client c(http::client_options().sockets(
        net::connect_options().local(endpoint::parse("127.0.0.3:0"))));
    EXPECT_EQ(co_await get_text(c, origin + "/"), "127.0.0.3");
    EXPECT_EQ(co_await get_text(c, origin + "/"), "127.0.0.3");
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

CONFORMANCE(HttpSockets, AskTheirOwnResolverForNamesAlone) {
  co_await with_peer(tell_who_asks, [](std::string origin) -> task<> {
    int asked = 0;
    const endpoints here{endpoint::parse(origin.substr(7))};
    http::client c(
        http::client_options().sockets(net::connect_options().resolver(always(here, asked))));
    EXPECT_EQ(co_await get_text(c, "http://no.such.name.example" + port_of(origin) + "/"),
              "127.0.0.1");
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(co_await get_text(c, origin + "/"), "127.0.0.1");
    EXPECT_EQ(asked, 1);
  });
}

CONFORMANCE(HttpSockets, TheirResolverIsAskedBesideAGuardAndATracer) {
  co_await with_peer(tell_who_asks, [](std::string origin) -> task<> {
    int asked = 0;
    auto log = std::make_shared<lookups>();
    const endpoint here = endpoint::parse(origin.substr(7));
    const endpoint other(net::address::parse("127.0.0.9"), here.port());
    std::vector<std::string> judged;
    auto options = net::connect_options()
                       .resolver(always({other, here}, asked))
                       .filter([&](const endpoint& to) { return to == here; });
    http::client c(http::client_options().trace(log).sockets(options).guard(
        http::make_guard([&](const endpoint& to) {
          judged.push_back(to.to_string());
          return true;
        })));
    EXPECT_EQ(co_await get_text(c, "http://name.example" + port_of(origin) + "/"), "127.0.0.1");
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(log->found, 2);
    // What the filter has refused needs no second opinion.
    EXPECT_EQ(judged, std::vector<std::string>{here.to_string()});
  });
}

EVERY_VERSION(HttpSockets, AResolverThatKnowsNoAddressIsAFailedLookup) {
  int asked = 0;
  http::client c(spoken().sockets(net::connect_options().resolver(always({}, asked))));
  const auto e = co_await caught<http::connect_error>(c.get("http://name.example/"));
  EXPECT_TRUE(e && e->phase() == http::phase::resolve &&
              e->code().category() == net::resolver_category());
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION(HttpSockets, AResolverMayOnlyGiveIpAddresses) {
  int asked = 0;
  http::client c(spoken().sockets(
      net::connect_options().resolver(always({endpoint::unix_path("@x")}, asked))));
  EXPECT_TRUE(co_await caught<std::invalid_argument>(c.get("http://name.example/")));
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION(HttpSockets, PassWhatTheirResolverThrows) {
  struct no_idea {};
  http::client c(spoken().sockets(
      net::connect_options().resolver([](std::string, std::uint16_t) -> task<endpoints> {
        co_await yield_now();
        throw no_idea();
      })));
  EXPECT_TRUE(co_await caught<no_idea>(c.get("http://name.example/")));
  EXPECT_EQ(c.open_connections(), 0U);
}

CONFORMANCE(HttpSockets, MayWantOneFamily) {
  co_await with_peer(tell_who_asks, [](std::string origin) -> task<> {
    http::client c(
        http::client_options().sockets(net::connect_options().family(net::address_family::v6)));
    const auto e = co_await caught<http::connect_error>(c.get(origin + "/"));
    EXPECT_TRUE(e && e->code() == std::errc::address_not_available);
  });
}

CONFORMANCE_RUNS(HttpSockets, LeaveNothingWhereverTheyAreCancelled) {
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        co_await with_peer(tell_who_asks, [](std::string origin) -> task<> {
          int asked = 0;
          const endpoints here{endpoint::parse(origin.substr(7))};
          http::client c(
              http::client_options().sockets(net::connect_options()
                                                 .resolver(always(here, asked))
                                                 .local(endpoint::parse("127.0.0.3:0"))));
          EXPECT_EQ(co_await get_text(c, "http://name.example" + port_of(origin) + "/"),
                    "127.0.0.3");
        });
      },
      [] {});
  EXPECT_GE(n.at_rest, 5U);
}
