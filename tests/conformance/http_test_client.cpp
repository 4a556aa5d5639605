// The client straight into a server: all of HTTP between them, and no socket.
#include "http/in_memory.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace http_test_client_cases {

CONFORMANCE(TestClient, AsksAServerWithoutASocket) {
  http::server s;
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(*r.headers().get("Host")) + " " +
                                    co_await r.text());
  });
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    for (int i = 0; i < 3; ++i) {
      http::response r = co_await c.post("http://any.host/echo", std::string(200'000, 'x'));
      EXPECT_EQ(r.status(), 200);
      EXPECT_EQ((co_await r.text()).size(), 9 + 200'000U);
    }
    EXPECT_EQ(c.open_connections(), 1U) << "it is kept";
    const auto e = co_await caught<http::url_error>(get_text(c, "https://any.host/"));
    EXPECT_TRUE(e);
  });
}

CONFORMANCE(TestClient, StreamsBothWays) {
  int made = 0;
  http::server s;
  s.route("POST", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(http::make_body([&r]() -> task<std::optional<std::string>> {
      const auto piece = co_await r.next_chunk();
      if (piece.empty()) co_return std::nullopt;
      co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
    }));
  });
  co_await http::with_test_client(s, [&](http::client& c) -> task<> {
    const auto size = co_await c.send(
        http::request("POST", "http://a/").body(counted_body(std::string(1000, 'x'), 300, made)),
        [](http::response& r) -> task<std::size_t> { co_return (co_await r.text()).size(); });
    EXPECT_EQ(size, 300'000U);
  });
}

CONFORMANCE(TestClient, CancelsWhatStillRunsWhenTheBodyHasEnded) {
  bool left = false;
  http::server s;
  s.route("GET", "/", [&](server_request&) -> task<server_response> {
    struct on_leave {
      bool& left;
      ~on_leave() { left = true; }
    } const watch{left};
    co_await sleep_for(1h);
    co_return server_response();
  });
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    EXPECT_FALSE((co_await try_for(5ms, get_text(c, "http://a/"))).has_value());
  });
  EXPECT_TRUE(left);
}

CONFORMANCE(TestClient, AConnectorStandsAlone) {
  http::server s;
  EXPECT_THROW(http::client_options().connector(nullptr), std::invalid_argument);
  co_await with_task_group([&](task_group& g) -> task<> {
    EXPECT_THROW(http::client(http::client_options().unix_socket("/tmp/x").connector(
                     http::detail::into_server(s, g))),
                 std::invalid_argument);
    co_return;
  });
}

}  // namespace http_test_client_cases
