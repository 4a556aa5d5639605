// The pool under a crowd: every answer carries its request's nonce after a random delay, and 3 in
// 10 requests are cancelled at a random time. None may get another's answer, and no place may be
// lost.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/runtime/core/random.hpp>

#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

EVERY_VERSION(PoolMixUp, GivesNobodyAForeignAnswerAndLosesNoPlace) {
  const int requests = std::getenv("RONDO_TEST_LONG") ? 200'000 : 2'000;
  constexpr int crowd = 60;
  constexpr std::size_t places = 20;
  rondo::detail::random_source random(17);
  http::server server;
  server.route("GET", "/{nonce}", [&](server_request& r) -> task<server_response> {
    const auto delay = std::chrono::microseconds(random.between(0, 2000));
    if (delay > 200us) co_await sleep_for(delay);
    co_return server_response::text(std::string(r.param("nonce")));
  });
  server.route("POST", "/", [&](server_request& r) -> task<server_response> {
    std::string body = co_await r.text();
    co_await sleep_for(std::chrono::microseconds(random.between(0, 1000)));
    co_return server_response::text(std::move(body));
  });
  int answered = 0;
  int cancelled = 0;
  int foreign = 0;
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(spoken().max_connections(places));
    int next = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < crowd; ++i)
        g.spawn([&]() -> task<> {
          while (next < requests) {
            const std::string nonce = "nonce-" + std::to_string(next++);
            const bool post = random.chance(0.3);
            const auto ask = [&](std::string mine) -> task<std::string> {
              http::response r =
                  post ? co_await c.post(at + "/", mine) : co_await c.get(at + "/" + mine);
              co_return co_await r.text();
            };
            std::optional<std::string> answer;
            if (random.chance(0.3))
              answer =
                  co_await try_for(std::chrono::microseconds(random.between(0, 3000)), ask(nonce));
            else
              answer = co_await ask(nonce);
            ++(answer ? answered : cancelled);
            foreign += answer && *answer != nonce;
            EXPECT_LE(c.open_connections(), places);
          }
        });
      co_return;
    });
    if (speaks_http2()) co_await expect_given_up(c);
    EXPECT_EQ(c.open_connections(), c.idle_connections());
    // Every place can still be had at the same time: of HTTP/2 they are streams of one connection.
    std::vector<http::response> held;
    for (std::size_t i = 0; i < places; ++i) held.push_back(co_await c.get(at + "/held"));
    EXPECT_EQ(c.open_connections(), speaks_http2() ? 1U : places);
    held.clear();
    co_await expect_given_up(c);
  });
  EXPECT_EQ(foreign, 0);
  EXPECT_EQ(answered + cancelled, requests);
  EXPECT_GT(cancelled, requests / 20);
}
