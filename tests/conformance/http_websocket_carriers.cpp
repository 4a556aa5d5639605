// WebSockets over what carries them (TCP, a Unix socket, TLS), cancelled at every wait: each
// message is numbered, and none may be lost or come twice.
#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
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
using http::websocket_error;
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

// What both sides know of the messages of one direction.
struct direction {
  numbered_traffic numbers;
  bool ended_well = false;
};

// The scenario: each side sends messages of four sizes and one in pieces, the client pings, and
// closes. `work` may be cancelled anywhere; `drain` then takes what still comes.
struct conversation {
  direction up, down;

  task<> say(websocket& ws, direction& d) {
    for (const std::size_t size : {10, 3'000, 70'000}) co_await d.numbers.send(ws, size);
    co_await d.numbers.send_in_pieces(ws, 2'000);
  }
  task<> hear(websocket& ws, direction& d) {
    while (const auto m = co_await ws.receive()) d.numbers.came(*m);
    d.ended_well = true;
  }
  task<> work(both_ends& ends) {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(hear(ends.server, up));
      auto hearing = g.spawn(hear(ends.client, down));
      auto answering = g.spawn(say(ends.server, down));
      co_await say(ends.client, up);
      (void)co_await ends.client.ping();
      co_await answering;
      co_await ends.client.close();
      co_await hearing;
    });
  }
  // After a cancellation each side either goes on or says why it cannot. What was sent for certain
  // comes before a last message.
  task<> drain(both_ends& ends) {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(say_last(ends.client, up));
      g.spawn(say_last(ends.server, down));
      g.spawn(hear_last(ends.server, up));
      g.spawn(hear_last(ends.client, down));
      co_return;
    });
  }
  static task<> say_last(websocket& ws, direction& d) {
    // Closed before, or a message was cut in two?
    if (co_await code_thrown(d.numbers.send(ws, 5'000)) != 0) co_await ws.close();
  }
  static task<> hear_last(websocket& ws, direction& d) {
    try {
      while (const auto m = co_await ws.receive()) {
        d.numbers.came(*m);
        d.ended_well = m->data.size() == 5'000;
        if (d.ended_well) co_return;
      }
    } catch (const websocket_error&) {  // the other side could not go on
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), io_errc::busy);  // close() reads
    }
  }
};

void cancelled_everywhere(reactor_kind reactor, carrier c) {
  if (c == carrier::tls && certificates().empty())
    GTEST_SKIP() << "the openssl command is not installed: no certificates to test with";
  conversation talk;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        talk = {};
        both_ends ends = co_await connected_by(c, websocket_options().close_timeout(1min));
        co_await talk.work(ends);
      },
      [&] {
        for (const direction* d : {&talk.up, &talk.down}) EXPECT_TRUE(d->numbers.in_order());
      });
  EXPECT_GT(n.at_rest, 10U);
  EXPECT_GT(n.at_wake, 10U);
}

// The same cancelled within, k steps after its beginning; afterwards the connection is used on.
task<> cancelled_and_used_on(carrier c, int steps, bool* was_cancelled, int* went_on) {
  conversation talk;
  both_ends ends = co_await connected_by(c, websocket_options().close_timeout(1min));
  cancel_scope scope;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto impatient = g.spawn([&]() -> task<> {
      for (int i = 0; i < steps; ++i) co_await sleep_for(50us);
      scope.cancel();
    });
    const auto done = co_await scope.run(talk.work(ends));
    *was_cancelled = !done.has_value();
    impatient.cancel();
    (void)co_await impatient.join();
  });
  if (*was_cancelled) co_await talk.drain(ends);
  for (const direction* d : {&talk.up, &talk.down}) {
    EXPECT_TRUE(d->numbers.in_order()) << steps;
    if (!d->ended_well || !*was_cancelled) continue;
    EXPECT_TRUE(d->numbers.complete()) << steps;
    ++*went_on;
  }
}

}  // namespace

CONFORMANCE_RUNS(WebsocketCarriers, CanBeCancelledAtEveryWaitOverTcp) {
  cancelled_everywhere(reactor, carrier::tcp);
}
CONFORMANCE_RUNS(WebsocketCarriers, CanBeCancelledAtEveryWaitOverAUnixSocket) {
  cancelled_everywhere(reactor, carrier::unix_socket);
}
CONFORMANCE_RUNS(WebsocketCarriers, CanBeCancelledAtEveryWaitOverTls) {
  cancelled_everywhere(reactor, carrier::tls);
}

CONFORMANCE(WebsocketCarriers, AreUsedOnAfterACancellationAnywhere) {
  int cancelled = 0, went_on = 0;
  for (const carrier c : {carrier::tcp, carrier::unix_socket, carrier::tls}) {
    if (c == carrier::tls && certificates().empty()) continue;
    for (int steps = 0; steps < 40; ++steps) {
      bool was = false;
      co_await cancelled_and_used_on(c, steps, &was, &went_on);
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
