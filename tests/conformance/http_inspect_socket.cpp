// What the inspect socket tells beside tasks: the connections of clients and servers, and pools.
#include "http/http_support.hpp"
#include "support/conformance.hpp"
#include "support/inspected_run.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <memory>
#include <string>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

// Of `rondo ps`: what stands below the heads of the loops, without the trees of tasks.
std::string shown_in(const std::vector<json>& lines) {
  std::vector<json> shown;
  for (const json& l : lines)
    if (l.contains("shown")) shown.push_back(l);
  return tools::tasks_text(shown);
}
task<std::string> seen_now(const inspected_run& r) {
  co_return shown_in(co_await asked_meanwhile(r.path, "tasks"));
}

// Answers once it may.
struct slow_server {
  http::server server;
  event may_answer;
  int asked = 0;
  slow_server() : server(http::server_options().max_connections(100)) {
    server.route("GET", "/", [this](server_request&) -> task<server_response> {
      ++asked;
      co_await may_answer.wait();
      co_return server_response::text("ok");
    });
  }
};

}  // namespace

ON_KERNEL_REACTORS(Inspect, TheConnectionsOfAClientAndAServerAreToldByWhatTheyDo) {
  const inspected_run r;
  std::string busy;
  std::string idle;
  std::string over;
  std::string tree;
  std::string at;
  run_on(reactor, [&]() -> task<> {
    slow_server s;
    http::client c(http::client_options().max_connections(2));
    co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
      at = origin;
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 3; ++i) g.spawn([&] { return get_text(c, origin + "/"); });
        while (s.asked < 2) co_await yield_now();
        busy = co_await seen_now(r);
        tree = task_tree();
        s.may_answer.set();
      });
      while (c.idle_connections() < 2) co_await yield_now();
      do idle = co_await seen_now(r);
      while (idle.find("busy") != std::string::npos);  // the server has sent its answers
    });
    over = co_await seen_now(r);
  });
  const std::string address = at.substr(7);
  EXPECT_EQ(busy, "  server " + address +
                      ": 2 of 100 open, 2 busy, 2 accepted, 0 refused\n"
                      "  HTTP client: 2 of 2 open, 0 idle, 1 waiting\n"
                      "    origin " +
                      at + ": 2 open, 0 idle, 1 waiting\n");
  EXPECT_EQ(idle, "  server " + address +
                      ": 2 of 100 open, 2 at rest, 2 accepted, 0 refused\n"
                      "  HTTP client: 2 of 2 open, 2 idle, 0 waiting\n"
                      "    origin " +
                      at + ": 2 open, 2 idle, 0 waiting\n");
  EXPECT_EQ(over.find("server"), std::string::npos) << over;
  EXPECT_NE(tree.find("waiting for a connection of an HTTP client"), std::string::npos) << tree;
}

// A key holds no secret, whatever the URL has.
ON_KERNEL_REACTORS(Inspect, AnOriginIsToldWithoutTheUserOfItsUrl) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    slow_server s;
    s.may_answer.set();
    http::client c;
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      co_await get_text(c, "http://ann:secret@" + here.to_string() + "/?key=secret");
      seen = co_await seen_now(r);
    });
  });
  EXPECT_NE(seen.find("origin http://127.0.0.1:"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
}

// The pool stands in the list of the loop that it is used on, and outlives it.
ON_KERNEL_REACTORS(Inspect, AClientOfSeveralRunsIsToldInEachThatIsInspected) {
  http::client c;
  const auto use = [&](const inspected_run* r) {
    std::string seen;
    run_on(reactor, [&]() -> task<> {
      slow_server s;
      s.may_answer.set();
      co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
        co_await get_text(c, origin + "/");
        if (r) seen = co_await seen_now(*r);
      });
    });
    return seen.find("HTTP client: 1 of 100 open, 1 idle") != std::string::npos;
  };
  for (int i = 0; i < 2; ++i) {
    const inspected_run r;
    EXPECT_TRUE(use(&r));
  }
  EXPECT_FALSE(use(nullptr));
  const inspected_run again;
  EXPECT_TRUE(use(&again));
}

ON_KERNEL_REACTORS(Inspect, APoolIsToldWithWhoWaits) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    pool<int> p([]() -> task<int> { co_return 1; }, pool_options<int>().limit(2));
    co_await with_task_group([&](task_group& g) -> task<> {
      {
        const auto first = co_await p.acquire();
        auto second = co_await p.acquire();
        for (int i = 0; i < 3; ++i)
          g.spawn([&]() -> task<> { const auto mine = co_await p.acquire(); });
        while (p.waiting() < 3) co_await yield_now();
        seen = co_await seen_now(r);
      }
    });
    seen += co_await seen_now(r);
  });
  EXPECT_EQ(seen,
            "  pool: 2 of 2 open, 0 idle, 3 waiting\n"
            "  pool: 2 of 2 open, 2 idle, 0 waiting\n");
}

// Of many origins the first fifty, so that a slice stays short.
ON_KERNEL_REACTORS(Inspect, ManyOriginsAreCutShort) {
  const inspected_run r;
  std::string seen;
  run_on(reactor, [&]() -> task<> {
    slow_server s;
    http::client c(http::client_options().max_connections(1000));
    net::tcp_listener listener = net::tcp_listener::bind(net::endpoint::parse("0.0.0.0:0"));
    const std::string port = std::to_string(listener.local_endpoint().port());
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return s.server.serve(std::move(listener)); });
      for (int i = 1; i <= 60; ++i)
        g.spawn(get_text(c, "http://127.0.0." + std::to_string(i) + ':' + port + '/'));
      while (s.asked < 60) co_await yield_now();
      seen = co_await seen_now(r);
      g.cancel();
    });
  });
  EXPECT_NE(seen.find("HTTP client: 60 of 1000 open"), std::string::npos) << seen;
  std::size_t origins = 0;
  for (std::size_t at = 0; (at = seen.find("    origin ", at)) != std::string::npos; ++at)
    ++origins;
  EXPECT_EQ(origins, 50U) << seen;
}
