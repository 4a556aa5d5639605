// WebSockets over what carries them (TCP, a Unix socket, TLS; HTTP/2: http2_websocket.cpp),
// cancelled at every wait: each message is numbered, and none may be lost or come twice.
#include "http/http_support.hpp"
#include "http/websocket_conversation.hpp"
#include "net/tls_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>

#include <unistd.h>

#include <atomic>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_options;

namespace http_websocket_carriers_cases {
namespace {

enum class carrier { tcp, unix_socket, tls };

std::string fresh_name() {
  static std::atomic<int> n = 0;
  return "@rondo-ws-" + std::to_string(::getpid()) + '-' + std::to_string(++n);
}

task<both_ends> connected_by(carrier c, websocket_options o) {
  if (c == carrier::tcp) co_return co_await connected(o);
  if (c == carrier::unix_socket) {
    auto listener = net::unix_listener::bind(endpoint::unix_path(fresh_name()));
    auto near = co_await net::unix_stream::connect(listener.local_endpoint());
    auto far = co_await listener.accept();
    co_return ends_over(http::detail::plain_stream(std::move(near)),
                        http::detail::plain_stream(std::move(far)), o);
  }
  using secure = http::detail::tls_stream;
  static const tls_context client = tls_context::client(client_of_root());
  static const tls_context server = tls_context::server(server_as("good"));
  auto [near, far] = co_await tcp_ends();
  auto [a, b] = co_await gather(
      secure::connect(http::detail::plain_stream(std::move(near)), client, "good.test"),
      secure::accept(http::detail::plain_stream(std::move(far)), server));
  co_return ends_over(std::move(a), std::move(b), o);
}

auto by(carrier c) {
  return [c](websocket_options o) { return connected_by(c, std::move(o)); };
}

}  // namespace

CONFORMANCE_RUNS(WebsocketCarriers, CanBeCancelledAtEveryWaitOverTcp) {
  cancelled_everywhere(reactor, by(carrier::tcp));
}
CONFORMANCE_RUNS(WebsocketCarriers, CanBeCancelledAtEveryWaitOverAUnixSocket) {
  cancelled_everywhere(reactor, by(carrier::unix_socket));
}
CONFORMANCE_RUNS(WebsocketCarriers, CanBeCancelledAtEveryWaitOverTls) {
  if (certificates().empty())
    GTEST_SKIP() << "the openssl command is not installed: no certificates to test with";
  cancelled_everywhere(reactor, by(carrier::tls));
}

CONFORMANCE(WebsocketCarriers, AreUsedOnAfterACancellationAnywhere) {
  int cancelled = 0, went_on = 0;
  for (const carrier c : {carrier::tcp, carrier::unix_socket, carrier::tls}) {
    if (c == carrier::tls && certificates().empty()) continue;
    for (int steps = 0; steps < 40; ++steps) {
      bool was = false;
      co_await cancelled_and_used_on(by(c), steps, &was, &went_on);
      cancelled += was ? 1 : 0;
      if (testing::Test::HasFailure()) co_return;
    }
  }
  EXPECT_GT(cancelled, 0);
  EXPECT_GT(went_on, 0);
}

// From the handshake on: a client and a server over TLS.
CONFORMANCE_RUNS(WebsocketCarriers, AnOpeningOverTlsCanBeCancelledAtEveryWait) {
  if (certificates().empty())
    GTEST_SKIP() << "the openssl command is not installed: no certificates to test with";
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    http::server server;
    server.websocket("/", echo_messages);
    tcp_listener listener = listen_here();
    const std::string url = "wss://" + listener.local_endpoint().to_string() + "/";
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(
          [&] { return server.serve(std::move(listener), tls_context::server(server_as("ip"))); });
      http::client c(http::client_options().tls(tls_context::client(client_of_root())));
      websocket ws = co_await c.websocket(url);
      co_await ws.send("hello");
      EXPECT_EQ((co_await ws.receive())->data, "hello");
      co_await ws.close();
      g.cancel();
    });
  });
  EXPECT_GT(n.at_rest, 8U);
  EXPECT_GT(n.at_wake, 8U);
}

}  // namespace http_websocket_carriers_cases
