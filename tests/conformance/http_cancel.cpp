// Every wait of an exchange, cancelled at every moment: no connection, place or frame is left.
#include "http/served_requests.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

void add_routes(http::server& s) {
  s.route("GET", "/{nonce}", [](server_request& r) -> task<server_response> {
    co_await yield_now();
    co_return server_response::text(std::string(r.param("nonce")));
  });
  s.route("GET", "/stream/{nonce}", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([nonce = std::string(r.param("nonce")),
                         n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 3) co_return std::nullopt;
          co_await sleep_for(100us);
          co_return nonce;
        }));
  });
  s.route("POST", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::text(co_await r.text());
  });
}

// Cancels a scenario of a client beside its server at every wait of both.
template <class Scenario>
waits_cancelled cancel_exchange(reactor_kind reactor, Scenario scenario) {
  std::optional<http::client> c;
  return cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        c.emplace(spoken().max_connections(1));
        http::server server;
        add_routes(server);
        co_await with_server(
            server, [&](std::string origin, endpoint) -> task<> { co_await scenario(*c, origin); });
      },
      [&] {
        EXPECT_EQ(c->open_connections(), 0U);  // what was idle went with the loop
        EXPECT_EQ(c->idle_connections(), 0U);
        wait_for_abandoned_lookups();
      });
}

void expect_at_least(const waits_cancelled& n, std::size_t least) {
  EXPECT_GE(n.at_rest, least);
  EXPECT_GE(n.posted, least);
  EXPECT_GE(n.at_wake, least);
}

}  // namespace

EVERY_VERSION_RUNS(CancelExchange, GetOnAFreshConnection) {
  expect_at_least(cancel_exchange(reactor,
                                  [](http::client& c, std::string origin) -> task<> {
                                    EXPECT_EQ(co_await get_text(c, origin + "/a"), "a");
                                  }),
                  6);
}

EVERY_VERSION_RUNS(CancelExchange, GetOnAConnectionThatIsUsedAgain) {
  expect_at_least(cancel_exchange(reactor,
                                  [](http::client& c, std::string origin) -> task<> {
                                    EXPECT_EQ(co_await get_text(c, origin + "/a"), "a");
                                    EXPECT_EQ(co_await get_text(c, origin + "/b"), "b");
                                  }),
                  9);
}

EVERY_VERSION_RUNS(CancelExchange, GetByName) {
  expect_at_least(
      cancel_exchange(reactor,
                      [](http::client& c, std::string origin) -> task<> {
                        EXPECT_EQ(co_await get_text(c, "http://localhost" +
                                                           origin.substr(origin.rfind(':')) + "/a"),
                                  "a");
                      }),
      6);
}

EVERY_VERSION_RUNS(CancelExchange, ReadOfAChunkedBody) {
  expect_at_least(cancel_exchange(reactor,
                                  [](http::client& c, std::string origin) -> task<> {
                                    EXPECT_EQ(co_await get_text(c, origin + "/stream/x"), "xxx");
                                  }),
                  9);
}

EVERY_VERSION_RUNS(CancelExchange, PostOfAStreamedBody) {
  expect_at_least(
      cancel_exchange(reactor,
                      [](http::client& c, std::string origin) -> task<> {
                        int taken = 0;
                        auto body = http::make_body([&taken]() -> task<std::optional<std::string>> {
                          if (taken++ == 3) co_return std::nullopt;
                          co_await sleep_for(100us);
                          co_return "piece";
                        });
                        http::response r = co_await c.send(
                            http::request("POST", origin + "/").body(std::move(body)));
                        EXPECT_EQ(co_await r.text(), "piecepiecepiece");
                      }),
      9);
}

EVERY_VERSION_RUNS(CancelExchange, WaitForAPlace) {
  expect_at_least(cancel_exchange(reactor,
                                  [](http::client& c, std::string origin) -> task<> {
                                    co_await with_task_group([&](task_group& g) -> task<> {
                                      for (const char* nonce : {"a", "b", "c"})
                                        g.spawn([&, nonce]() -> task<> {
                                          EXPECT_EQ(co_await get_text(c, origin + "/" + nonce),
                                                    nonce);
                                        });
                                      co_return;
                                    });
                                  }),
                  12);
}

EVERY_VERSION_RUNS(CancelExchange, WithAServerThatStreamsBothWaysAndIsStopped) {
  const temporary_folder folder;
  const waits_cancelled n = cancel_at_every_wait(reactor, [&]() -> task<> {
    http::stop_handle stop;
    http::server server;
    add_served_routes(server, folder.path(), [&] { stop.stop(); });
    tcp_listener listener = listen_here();
    const std::string origin = origin_of(listener.local_endpoint());
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return server.serve(std::move(listener), stop); });
      EXPECT_EQ(co_await stream_both_ways(http::client(spoken()), origin), answer::right);
      EXPECT_EQ(co_await stop_it(http::client(spoken()), origin), answer::right);
    });
  });
  expect_at_least(n, 20);
}

// Only the client's side is cancelled, after any number of turns: the next request gets its own
// answer.
EVERY_VERSION(CancelExchange, LeavesTheClientFitForTheNextRequest) {
  http::server server;
  add_routes(server);
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    http::client c(spoken().max_connections(1));
    int stopped = 0;
    int finished = 0;
    for (int turns = 0; turns < 120; ++turns) {
      cancel_scope scope;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          const auto r =
              co_await scope.run(get_text(c, origin + (turns % 2 ? "/stream/" : "/") + "first"));
          stopped += r.is_cancelled();
          finished += r.has_value();
        });
        for (int i = 0; i < turns / 2; ++i) {
          if (i % 10 == 9)
            co_await sleep_for(30us);
          else
            co_await yield_now();
        }
        scope.cancel();
      });
      if (speaks_http2()) co_await expect_given_up(c);
      EXPECT_EQ(c.open_connections(), c.idle_connections());
      const std::string nonce = "n" + std::to_string(turns);
      EXPECT_EQ(co_await get_text(c, origin + "/" + nonce), nonce);
      EXPECT_EQ(c.open_connections(), 1U);
    }
    EXPECT_GT(stopped, 0);
    EXPECT_EQ(stopped + finished, 120);
  });
}
