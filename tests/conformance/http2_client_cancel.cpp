// Requests over HTTP/2 that are cancelled: the others on the connection do not notice, and nothing
// is left of them.
#include "http/http2_peer.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"

#include <rondo/http.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace http2_client_cancel {

namespace {

// Each request sends a body and gets it back, in more pieces than the windows have room for.
constexpr std::size_t echoed = 30'000;

task<> echo(http2_peer& /*p*/, http2_stream_ref s) {
  const std::string body = co_await body_of(*s);
  if (s->closed()) co_return;
  co_await answer(*s, 200, body);
}

http2_settings narrow() {
  http2_settings s;
  s.stream_window = 20'000;
  s.connection_window = 65'535;
  return s;
}

task<std::string> echo_of(http::client& c, std::string at, char letter) {
  response r = co_await c.send(http::request("POST", at).body(std::string(echoed, letter)));
  std::string all;
  std::vector<std::byte> room(1000);
  while (const std::size_t n = co_await r.read_some(room))
    all.append(reinterpret_cast<const char*>(room.data()), n);
  co_return all;
}

// Ten requests on one connection, of which one stands in the canceller's scope.
task<> nine_beside_one(test::detail::canceller& canceller) {
  int connections = 0;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        connections = std::max(connections, p.number + 1);
        return echo(p, std::move(s));
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        EXPECT_EQ(co_await echo_of(c, at, 'a'), std::string(echoed, 'a'));
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            cancel_scope scope;
            canceller.begin(scope);
            const auto one = co_await scope.run(echo_of(c, at, 'x'));
            canceller.end();
            if (one.has_value()) EXPECT_EQ(one.value(), std::string(echoed, 'x'));
            if (one.has_error()) std::rethrow_exception(one.error());
          });
          for (char letter = '1'; letter <= '9'; ++letter)
            g.spawn([&, letter]() -> task<> {
              EXPECT_EQ(co_await echo_of(c, at, letter), std::string(echoed, letter));
            });
          co_return;
        });
        EXPECT_EQ(co_await echo_of(c, at, 'z'), std::string(echoed, 'z'));
        EXPECT_EQ(c.open_connections(), 1U);
        EXPECT_EQ(c.idle_connections(), 1U);
      },
      narrow());
  EXPECT_EQ(connections, 1);
}

std::size_t cancel_one_at_every_wait(reactor_kind reactor, test::cancel_moment moment) {
  std::size_t k = 0;
  const auto once = [&](test::detail::canceller& c) {
    run(test::detail::watched(c, nine_beside_one(c)), options_for(reactor));
    if (testing::Test::HasFailure()) throw test::failure("an expectation failed");
  };
  try {
    while (test::detail::cancel_once(moment, k, once)) ++k;
  } catch (const test::failure& f) {
    ADD_FAILURE() << f.what();
  }
  return k;
}

}  // namespace

CONFORMANCE_RUNS(Http2Cancel, NineOthersDoNotNotice) {
  const std::size_t waits = cancel_one_at_every_wait(reactor, test::cancel_moment::at_rest);
  EXPECT_GE(waits, 50U);
}

CONFORMANCE_RUNS(Http2Cancel, NineOthersDoNotNoticeWhenItIsAboutToGoOn) {
  const std::size_t steps = cancel_one_at_every_wait(reactor, test::cancel_moment::at_wake);
  EXPECT_GE(steps, 50U);
}

// All of it is cancelled: the client, its connection and the server.
CONFORMANCE_RUNS(Http2Cancel, LeavesNothingWhereverItIsCancelled) {
  std::optional<http::client> c;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(over_http2());
        co_await with_http2_peer(
            echo,
            [&](std::string at) -> task<> {
              co_await with_task_group([&](task_group& g) -> task<> {
                for (char letter = '1'; letter <= '3'; ++letter)
                  g.spawn([&, letter]() -> task<> {
                    EXPECT_EQ(co_await echo_of(*c, at, letter), std::string(echoed, letter));
                  });
                co_return;
              });
            },
            narrow());
      },
      [&] { EXPECT_EQ(c->open_connections(), 0U); });
  EXPECT_GE(n.at_rest, 20U);
}

// Downloads that are given up after their first bytes, more of them than the connection's window
// has room for.
CONFORMANCE_RUNS(Http2Cancel, AConnectionSurvivesDownloadsThatAreGivenUp) {
  const int downloads = long_run() ? 100'000 : 500;
  http2_settings patient;
  patient.resets = 1'000'000;  // no pace is kept
  int cancelled = 0;
  int connections = 0;
  run_on(reactor, [&]() -> task<> {
    co_await with_http2_peer(
        [&](http2_peer& p, http2_stream_ref s) -> task<> {
          connections = std::max(connections, p.number + 1);
          if (s->head().path == "/last") {
            co_await answer(*s, 200, "last");
            co_return;
          }
          http2_head h;
          h.status = 200;
          s->send_head(h, false);
          const std::string piece(16 * 1024, 'd');
          while (!s->closed()) {
            if (s->write(net::bytes_of(piece)) > 0) continue;
            s->outgoing.clear();
            co_await s->outgoing.wait();
          }
          cancelled += s->code() == http2_code::cancel ? 1 : 0;
        },
        [&](std::string at) -> task<> {
          http::client c(over_http2());
          for (int i = 0; i < downloads; ++i) {
            response r = co_await c.get(at);
            EXPECT_FALSE((co_await r.next_chunk()).empty());
          }
          EXPECT_EQ(co_await get_text(c, at + "/last"), "last");
          EXPECT_EQ(c.open_connections(), 1U);
        },
        patient);
  });
  EXPECT_EQ(connections, 1);
  EXPECT_EQ(cancelled, downloads);
}

}  // namespace http2_client_cancel
