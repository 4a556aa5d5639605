// A server behind proxies that it trusts, and one that it does not.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;
using http::trusted_proxies;

namespace http_proxied_cases {
namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const std::string v1 = "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n";

// Everyone is trusted, in the simulation, too.
trusted_proxies everyone() { return trusted_proxies().from("0.0.0.0/0").from("::/0"); }

struct whose {
  http::server server;
  int asked = 0;

  explicit whose(server_options options) : server(options) {
    server.route("GET", "/", [this](server_request& r) -> task<server_response> {
      ++asked;
      co_return server_response::text(r.client() == r.remote() ? "itself" : r.client().to_string());
    });
  }
};

// The body of the answer to these bytes; empty when there is none.
task<std::string> answer_to(endpoint here, std::string bytes) {
  tcp_stream s = co_await tcp_stream::connect(here);
  co_await write_text(s, bytes);
  std::string got;
  std::vector<std::byte> room(4096);
  for (;;) {
    const auto n = co_await as_result(s.read_some(room));
    if (!n.has_value() || n.value() == 0) break;
    got.append(reinterpret_cast<const char*>(room.data()), n.value());
  }
  const std::size_t body = got.find("\r\n\r\n");
  co_return body == std::string::npos ? got : got.substr(body + 4);
}

// What becomes of a server whose connections begin with these bytes, and what is reported.
std::vector<std::string> reports_of(reactor_kind reactor, std::string bytes, int& asked) {
  std::vector<std::string> reported;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const http::protocol_error& error) {
      const std::string text(error.message());
      reported.push_back(text.substr(0, text.find(" (from ")));
      EXPECT_NE(text.find(" (from "), std::string::npos);
    }
  }),
         [&]() -> task<> {
           whose s(server_options().trust(everyone().proxy_protocol(true, 50ms)));
           co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
             EXPECT_EQ(co_await answer_to(here, bytes), "");
             // Others are served all the same.
             EXPECT_EQ(co_await answer_to(here, v1 + get), "192.0.2.1:56324");
           });
           asked = s.asked;
         });
  return reported;
}

}  // namespace

CONFORMANCE(Proxied, ThePROXYProtocolSaysWhoTheClientIs) {
  whose s(server_options().trust(everyone().proxy_protocol()));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    EXPECT_EQ(co_await answer_to(here, v1 + get), "192.0.2.1:56324");
    EXPECT_EQ(co_await answer_to(here, "PROXY TCP6 2001:db8::1 ::1 1 2\r\n" + get),
              "[2001:db8::1]:1");
    EXPECT_EQ(co_await answer_to(here, "PROXY UNKNOWN\r\n" + get), "itself");
    const std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xC0\0\x02\x01\x0A\0\0\x01\xDC\4\1\xBB",
                         28);
    EXPECT_EQ(co_await answer_to(here, v2 + get), "192.0.2.1:56324");
    // For all requests of the connection.
    const std::string kept = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(count_of(co_await answer_to(here, v1 + kept + get), "192.0.2.1:56324"), 2U);
  });
}

CONFORMANCE(Proxied, AHeaderMayComeByteByByte) {
  whose s(server_options().trust(everyone().proxy_protocol()));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream c = co_await tcp_stream::connect(here);
    for (const char byte : v1) {
      co_await write_text(c, std::string_view(&byte, 1));
      co_await yield_now();
    }
    co_await write_text(c, get);
    EXPECT_TRUE((co_await read_text(c)).ends_with("192.0.2.1:56324"));
  });
}

// The bytes of an address that is not trusted are never looked at for a header.
CONFORMANCE(Proxied, OthersCannotClaimToBeAProxy) {
  whose s(server_options().trust(trusted_proxies()
                                     .from("203.0.113.0/24")
                                     .proxy_protocol()
                                     .told_by(http::forwarding::x_forwarded_for)));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    EXPECT_EQ(co_await answer_to(here, get), "itself");
    EXPECT_NE((co_await exchange_bytes(here, v1 + get)).find("HTTP/1.1 400 "), std::string::npos);
    std::string claims = get;
    claims.insert(claims.find("Conn"), "X-Forwarded-For: 1.2.3.4\r\n");
    EXPECT_EQ(co_await answer_to(here, claims), "itself");
  });
}

EVERY_VERSION(Proxied, AProxysFieldSaysWhoTheClientIs) {
  whose s(server_options().trust(everyone().told_by(http::forwarding::forwarded)));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    std::string told = get;
    told.insert(told.find("Conn"), "Forwarded: for=\"[2001:db8::1]:9\"\r\n");
    EXPECT_EQ(co_await answer_to(here, told), "[2001:db8::1]:9");
  });
}

CONFORMANCE_RUNS(Proxied, AConnectionWithoutItsHeaderIsClosedAndReported) {
  using reports = std::vector<std::string>;
  int asked = 0;
  EXPECT_EQ(reports_of(reactor, get, asked),
            reports{"no header of the PROXY protocol: another beginning"});
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(reports_of(reactor, "PROXY TCP4 192.0.2.1", asked),
            reports{"no header of the PROXY protocol came in time"});
  EXPECT_EQ(reports_of(reactor, "PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n" + get, asked),
            reports{"no header of the PROXY protocol: a port that is none"});
}

// A health check that only connects is nothing to report.
CONFORMANCE(Proxied, AConnectionThatSaysNothingIsClosedWithoutAWord) {
  whose s(server_options().trust(everyone().proxy_protocol()));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    EXPECT_EQ(co_await exchange_bytes(here, ""), "");
    EXPECT_EQ(co_await answer_to(here, v1 + get), "192.0.2.1:56324");
  });
}

CONFORMANCE_RUNS(Proxied, AHeaderIsCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    whose s(server_options().trust(everyone().proxy_protocol()));
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      tcp_stream c = co_await tcp_stream::connect(here);
      for (const std::string_view part :
           {std::string_view(v1).substr(0, 20), std::string_view(v1).substr(20)}) {
        co_await write_text(c, part);
        co_await sleep_for(1ms);
      }
      co_await write_text(c, get);
      EXPECT_TRUE((co_await read_text(c)).ends_with("192.0.2.1:56324"));
    });
  });
  EXPECT_GE(n.at_rest, 5U);
}

}  // namespace http_proxied_cases
