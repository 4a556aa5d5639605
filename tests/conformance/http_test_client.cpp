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

EVERY_VERSION(TestClient, AsksAServerWithoutASocket) {
  http::server s;
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(*r.headers().get("Host")) + " " +
                                    co_await r.text());
  });
  co_await http::with_test_client(
      s,
      [](http::client& c) -> task<> {
        for (int i = 0; i < 3; ++i) {
          http::response r = co_await c.post("http://any.host/echo", std::string(200'000, 'x'));
          EXPECT_EQ(r.status(), 200);
          EXPECT_EQ((co_await r.text()).size(), 9 + 200'000U);
        }
        EXPECT_EQ(c.open_connections(), 1U) << "it is kept";
        const auto e = co_await caught<http::url_error>(get_text(c, "https://any.host/"));
        EXPECT_TRUE(e);
      },
      spoken());
}

EVERY_VERSION(TestClient, StreamsBothWays) {
  int made = 0;
  http::server s;
  s.route("POST", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(http::make_body([&r]() -> task<std::optional<std::string>> {
      const auto piece = co_await r.next_chunk();
      if (piece.empty()) co_return std::nullopt;
      co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
    }));
  });
  co_await http::with_test_client(
      s,
      [&](http::client& c) -> task<> {
        const auto size = co_await c.send(
            http::request("POST", "http://a/")
                .body(counted_body(std::string(1000, 'x'), 300, made)),
            [](http::response& r) -> task<std::size_t> { co_return (co_await r.text()).size(); });
        EXPECT_EQ(size, 300'000U);
      },
      spoken());
}

EVERY_VERSION(TestClient, CancelsWhatStillRunsWhenTheBodyHasEnded) {
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
  co_await http::with_test_client(
      s,
      [](http::client& c) -> task<> {
        EXPECT_FALSE((co_await try_for(5ms, get_text(c, "http://a/"))).has_value());
      },
      spoken());
  EXPECT_TRUE(left);
}

namespace {

const std::string get = request_text("GET /");

task<server_response> hello(server_request&) { co_return server_response::text("hello"); }

// Until the text stands there, or the end has come.
task<std::string> read_until(net::memory_stream& s, std::string_view text) {
  std::string got;
  std::vector<std::byte> room(4096);
  while (!has(got, text)) {
    const auto n = co_await as_result(s.read_some(room));
    if (!n.has_value() || n.value() == 0) break;
    got.append(reinterpret_cast<const char*>(room.data()), n.value());
  }
  co_return got;
}

}  // namespace

CONFORMANCE(ServedStream, HearsOfTheStop) {
  http::server s;
  s.route("GET", "/", hello);
  http::stop_handle stop;
  auto [here, there] = net::make_memory_streams();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(s.serve_stream(net::any_stream(std::move(there)), stop));
    co_await here.write_all(net::bytes_of(get));
    EXPECT_TRUE(has(co_await read_until(here, "hello"), "Connection: keep-alive"));
    stop.stop();
    co_await here.write_all(net::bytes_of(get));  // there is a second for one more
    EXPECT_TRUE(has(co_await read_until(here, "hello"), "Connection: close"));
    EXPECT_EQ(co_await read_until(here, "nothing more"), "");
    here.close();
  });
}

// A wait on a stream of a kind that we do not know is ended with the stream.
CONFORMANCE(ServedStream, HasTheClocksOfASocket) {
  if (reactor != reactor_kind::simulated) co_return;
  const std::pair<const char*, std::chrono::seconds> cases[] = {
      {"", 75s},                                                          // at rest
      {"GET / HT", 30s},                                                  // in a head
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 5s},  // in a body: its rate
  };
  for (const auto& [bytes, limit] : cases) {
    http::server s;
    s.route("POST", "/", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text());
    });
    auto [here, there] = net::make_memory_streams();
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto begun = this_loop().now();
      g.spawn(s.serve_stream(net::any_stream(std::move(there))));
      co_await here.write_all(net::bytes_of(bytes));
      EXPECT_EQ(co_await read_until(here, "nothing"), "") << bytes;
      EXPECT_EQ(this_loop().now() - begun, limit) << bytes;
      here.close();
    });
  }
}

EVERY_VERSION(TestClient, AConnectorStandsAlone) {
  http::server s;
  EXPECT_THROW(spoken().connector(nullptr), std::invalid_argument);
  co_await with_task_group([&](task_group& g) -> task<> {
    EXPECT_THROW(
        http::client(spoken().unix_socket("/tmp/x").connector(http::detail::into_server(s, g))),
        std::invalid_argument);
    co_return;
  });
}

}  // namespace http_test_client_cases
