// The client's connections: kept, shared, limited, and never used again when anything is in doubt.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <memory>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

// Answers every request of a connection with `reply`; the head of each goes to `heads`, under its
// connection.
auto keeps_answering(std::vector<std::vector<std::string>>& heads, std::string reply) {
  return [&heads, reply = std::move(reply)](tcp_stream& s, int n) -> task<> {
    heads.resize(std::max(heads.size(), static_cast<std::size_t>(n) + 1));
    net::buffered_reader in(s);
    for (;;) {
      std::string head = co_await read_head(in);
      if (head.empty()) co_return;
      heads[static_cast<std::size_t>(n)].push_back(std::move(head));
      co_await write_text(s, reply);
    }
  };
}

// How many requests have asked for a place.
struct counting_tracer final : http::tracer {
  void on(const http::trace_event& e) override {
    requests += e.what == http::trace_point::queued ? 1 : 0;
  }
  int requests = 0;
};

}  // namespace

CONFORMANCE(Pool, KeepsAConnectionForTheNextRequest) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c;
    EXPECT_EQ(c.open_connections(), 0U);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await get_text(c, origin), "ok");
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
  EXPECT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads[0].size(), 10U);
}

CONFORMANCE(Pool, IsSharedByTheCopiesOfAClient) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client a;
    http::client b = a;
    co_await get_text(a, origin);
    co_await get_text(b, origin);
    EXPECT_EQ(b.open_connections(), 1U);
  });
  EXPECT_EQ(heads.size(), 1U);
}

CONFORMANCE(Pool, OpensOneConnectionForEachRequestAtATime) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c;
    std::vector<http::response> open;
    for (int i = 0; i < 5; ++i) open.push_back(co_await c.get(origin));
    EXPECT_EQ(c.open_connections(), 5U);
    EXPECT_EQ(c.idle_connections(), 0U);
    for (auto& r : open) co_await r.text();
    EXPECT_EQ(c.idle_connections(), 5U);
    c.close_idle();
    EXPECT_EQ(c.open_connections(), 0U);
    co_await get_text(c, origin);
    EXPECT_EQ(c.open_connections(), 1U);
  });
  EXPECT_EQ(heads.size(), 6U);
}

CONFORMANCE(Pool, MixesNoOrigins) {
  std::vector<std::vector<std::string>> first;
  std::vector<std::vector<std::string>> second;
  co_await with_peer(keeps_answering(first, ok), [&](std::string a) -> task<> {
    co_await with_peer(keeps_answering(second, ok), [&, a](std::string b) -> task<> {
      http::client c;
      for (int i = 0; i < 3; ++i) {
        co_await get_text(c, a);
        co_await get_text(c, b);
      }
      EXPECT_EQ(c.idle_connections(), 2U);
    });
  });
  EXPECT_EQ(first.size(), 1U);
  EXPECT_EQ(second.size(), 1U);
}

CONFORMANCE(Pool, HandsNoConnectionToAWaiterForAnotherOrigin) {
  std::vector<std::vector<std::string>> first;
  std::vector<std::vector<std::string>> second;
  co_await with_peer(keeps_answering(first, ok), [&](std::string one) -> task<> {
    co_await with_peer(keeps_answering(second, ok), [&](std::string other) -> task<> {
      auto queued = std::make_shared<counting_tracer>();
      http::client c(http::client_options().max_connections(1).trace(queued));
      http::response held = co_await c.get(one);
      co_await with_task_group([&](task_group& g) -> task<> {
        auto waiting = g.spawn(get_text(c, other));
        while (queued->requests < 2) co_await yield_now();
        EXPECT_EQ(co_await held.text(), "ok");  // its connection is free, and not for who waits
        EXPECT_EQ(co_await waiting, "ok");
      });
    });
  });
  EXPECT_EQ(first.at(0).size(), 1U);
  EXPECT_EQ(second.size(), 1U);
}

CONFORMANCE(Pool, GivesUpTheOldestIdleConnectionForAnotherOrigin) {
  std::vector<std::vector<std::string>> first;
  std::vector<std::vector<std::string>> second;
  co_await with_peer(keeps_answering(first, ok), [&](std::string a) -> task<> {
    co_await with_peer(keeps_answering(second, ok), [&, a](std::string b) -> task<> {
      http::client c(http::client_options().max_connections(1));
      co_await get_text(c, a);
      co_await get_text(c, b);
      EXPECT_EQ(c.open_connections(), 1U);
      co_await get_text(c, a);
      EXPECT_EQ(c.open_connections(), 1U);
    });
  });
  EXPECT_EQ(first.size(), 2U);
  EXPECT_EQ(second.size(), 1U);
}

CONFORMANCE(Pool, ServesItsWaitersInOrder) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c(http::client_options().max_connections(2));
    std::vector<int> order;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 20; ++i)
        g.spawn([&, i]() -> task<> {
          http::response r = co_await c.get(origin + "/" + std::to_string(i));
          order.push_back(i);
          co_await r.text();
        });
      co_return;
    });
    EXPECT_EQ(order.size(), 20U);
    EXPECT_LE(c.open_connections(), 2U);
    EXPECT_EQ(c.idle_connections(), c.open_connections());
  });
  EXPECT_EQ(heads.size(), 2U);
  for (const auto& of_one :
       heads) {  // on each connection, requests came in the order they were made
    std::vector<int> numbers;
    for (const std::string& h : of_one) numbers.push_back(std::stoi(h.substr(5)));
    EXPECT_TRUE(std::ranges::is_sorted(numbers));
  }
}

CONFORMANCE(Pool, GivesThePlaceOfACancelledWaiterToTheNext) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c(http::client_options().max_connections(1));
    std::string last;
    co_await with_task_group([&](task_group& g) -> task<> {
      http::response held = co_await c.get(origin + "/held");
      auto second = g.spawn([&] { return get_text(c, origin + "/second"); });
      auto third = g.spawn([&]() -> task<> { last = co_await get_text(c, origin + "/third"); });
      co_await sleep_for(1ms);
      second.cancel();
      EXPECT_TRUE((co_await second.join()).is_cancelled());
      EXPECT_EQ(last, "");
      EXPECT_EQ(co_await held.text(), "ok");
    });
    EXPECT_EQ(last, "ok");
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
  EXPECT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads[0].size(), 2U);
}

// Handed over and cancelled in one turn: the place is the waiter's already, and passes on when it
// stops.
CONFORMANCE(Pool, LosesNoPlaceThatWasHandedToACancelledWaiter) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c(http::client_options().max_connections(1));
    std::string last;
    co_await with_task_group([&](task_group& g) -> task<> {
      http::response held = co_await c.get(origin + "/held");
      auto second = g.spawn([&] { return get_text(c, origin + "/second"); });
      auto third = g.spawn([&]() -> task<> { last = co_await get_text(c, origin + "/third"); });
      co_await sleep_for(1ms);
      EXPECT_EQ(co_await held.text(), "ok");  // gives the place to the second
      second.cancel();
      const auto how = co_await second.join();
      EXPECT_TRUE(how.is_cancelled());
    });
    EXPECT_EQ(last, "ok");
    EXPECT_EQ(c.open_connections(), c.idle_connections());
  });
}

CONFORMANCE(Pool, LetsAConnectionGoThatWasIdleForTooLong) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c(http::client_options().idle_timeout(5ms));
    co_await get_text(c, origin);
    EXPECT_EQ(c.idle_connections(), 1U);
    const auto since = this_loop().now();
    while (c.open_connections() > 0 && this_loop().now() - since < 10s) co_await sleep_for(1ms);
    EXPECT_EQ(c.open_connections(), 0U);
    EXPECT_GE(this_loop().now() - since, 4ms);
    co_await get_text(c, origin);
    EXPECT_EQ(c.open_connections(), 1U);
  });
  EXPECT_EQ(heads.size(), 2U);
}

CONFORMANCE(Pool, UsesNoConnectionThatTheServerHasClosed) {
  int connections = 0;
  event closed;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        ++connections;
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, ok);
        co_await s.shutdown_write();
        closed.set();
        co_await until_closed(s);
      },
      [&](std::string origin) -> task<> {
        http::client c;
        for (int i = 0; i < 3; ++i) {
          closed.clear();
          http::response r = co_await c.post(origin, "not idempotent");
          EXPECT_EQ(co_await r.text(), "ok");
          co_await closed.wait();
          co_await sleep_for(1ms);  // on its way
        }
      });
  EXPECT_EQ(connections, 3);
}

CONFORMANCE(Pool, UsesNoConnectionWhoseBodyWasLeftUnread) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c;
    {
      http::response unread = co_await c.get(origin);
      EXPECT_EQ(c.open_connections(), 1U);
    }
    EXPECT_EQ(c.open_connections(), 0U);
    co_await get_text(c, origin);
  });
  EXPECT_EQ(heads.size(), 2U);
}

CONFORMANCE(Pool, UsesNoConnectionThatSentMoreThanItsResponse) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok + "X"), [&](std::string origin) -> task<> {
    http::client c;
    EXPECT_EQ(co_await get_text(c, origin), "ok");
    EXPECT_EQ(c.open_connections(), 0U);
    EXPECT_EQ(co_await get_text(c, origin), "ok");
  });
  EXPECT_EQ(heads.size(), 2U);
}

CONFORMANCE(Pool, UsesNoConnectionAfterAResponseWithoutABodyThatEndsIt) {
  for (const char* reply :
       {"HTTP/1.1 204 No Content\r\n\r\nX", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 304 Not Modified\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX"}) {
    std::vector<std::vector<std::string>> heads;
    co_await with_peer(keeps_answering(heads, reply), [&](std::string origin) -> task<> {
      http::client c;
      for (int i = 0; i < 2; ++i) {
        co_await c.get(origin);
        EXPECT_EQ(c.open_connections(), 0U) << reply;
      }
    });
    EXPECT_EQ(heads.size(), 2U) << reply;
  }
}

// Two responses to one request: the second must never answer the next.
CONFORMANCE(Pool, TakesNoAnswerThatCameBeforeItsRequest) {
  int connections = 0;
  event first_answered;
  event second_sent;
  co_await with_peer(
      [&](tcp_stream& s, int n) -> task<> {
        ++connections;
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, ok);
        if (n == 0) {
          co_await first_answered.wait();
          co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
          second_sent.set();
        }
        co_await until_closed(s);
      },
      [&](std::string origin) -> task<> {
        http::client c;
        EXPECT_EQ(co_await get_text(c, origin), "ok");
        EXPECT_EQ(c.idle_connections(), 1U);
        first_answered.set();
        co_await second_sent.wait();
        co_await sleep_for(1ms);  // on its way
        EXPECT_EQ(co_await get_text(c, origin), "ok");
      });
  EXPECT_EQ(connections, 2);
}

CONFORMANCE(Pool, UsesNoConnectionThatTheServerSaysItCloses) {
  for (const char* head : {"HTTP/1.1 200 OK\r\nConnection: close\r\n", "HTTP/1.0 200 OK\r\n"}) {
    int connections = 0;
    co_await with_peer(
        [&](tcp_stream& s, int) -> task<> {
          ++connections;
          net::buffered_reader in(s);
          co_await read_head(in);
          co_await write_text(s, std::string(head) + "Content-Length: 2\r\n\r\nok");
          co_await until_closed(s);  // it does not close: the client must
        },
        [](std::string origin) -> task<> {
          http::client c;
          co_await get_text(c, origin);
          EXPECT_EQ(c.open_connections(), 0U);
          co_await get_text(c, origin);
        });
    EXPECT_EQ(connections, 2);
  }
}

CONFORMANCE(Pool, KeepsAnHttp10ConnectionThatAsksForIt) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(
      keeps_answering(heads,
                      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
      [](std::string origin) -> task<> {
        http::client c;
        co_await get_text(c, origin);
        co_await get_text(c, origin);
      });
  EXPECT_EQ(heads.size(), 1U);
}

namespace {

// Serves one request on each connection, and closes at the next one's head without a word.
struct closes_at_the_second {
  int& connections;
  std::vector<std::string>& heads;
  task<> operator()(tcp_stream& s, int) const {
    ++connections;
    net::buffered_reader in(s);
    heads.push_back(co_await read_head(in));
    co_await write_text(s, ok);
    const std::string second = co_await read_head(in);
    if (!second.empty()) heads.push_back(second);
  }
};

}  // namespace

CONFORMANCE(Pool, SendsAnIdempotentRequestOnceMoreWhenItsConnectionWasStale) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    int connections = 0;
    std::vector<std::string> heads;
    co_await with_peer(closes_at_the_second{connections, heads}, [&](std::string origin) -> task<> {
      http::client c;
      co_await get_text(c, origin + "/first");
      http::request again(method, origin + "/second");
      if (method == std::string_view("PUT")) again.body("body");
      http::response r = co_await c.send(std::move(again));
      EXPECT_EQ(r.status(), 200) << method;
    });
    EXPECT_EQ(connections, 2) << method;
    EXPECT_EQ(heads.size(), 3U) << method;
    if (heads.size() == 3) {
      EXPECT_EQ(heads[1], heads[2]);
    }
  }
}

CONFORMANCE(Pool, ReplacesAConnectionThatWasClosedRightAfterItsAnswer) {
  int connections = 0;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        ++connections;
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, ok);
        co_await s.shutdown_write();
        co_await until_closed(s);
      },
      [](std::string origin) -> task<> {
        http::client c;
        for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await get_text(c, origin), "ok");
      });
  EXPECT_EQ(connections, 3);
}

CONFORMANCE(Pool, SendsNothingTwiceThatMayHaveBeenDone) {
  for (const bool streamed : {false, true}) {
    int connections = 0;
    std::vector<std::string> heads;
    co_await with_peer(closes_at_the_second{connections, heads}, [&](std::string origin) -> task<> {
      http::client c;
      co_await get_text(c, origin + "/first");
      int taken = 0;
      http::request r(streamed ? "PUT" : "POST", origin + "/second");
      if (streamed)
        r.body(counted_body("x", 1, taken), 1);
      else
        r.body("x");
      const auto e = co_await caught<http::connect_error>(c.send(std::move(r)));
      EXPECT_TRUE(e);
      if (!e) co_return;
      EXPECT_EQ(e->phase(), http::phase::first_byte);
      EXPECT_EQ(e->url(), origin + "/second");
      EXPECT_EQ(c.open_connections(), 0U);
    });
    EXPECT_EQ(connections, 1);
    EXPECT_EQ(heads.size(), 2U);
  }
}

CONFORMANCE(Pool, TriesAFreshConnectionOnlyOnce) {
  int connections = 0;
  co_await with_peer(
      [&](tcp_stream& s, int n) -> task<> {
        ++connections;
        net::buffered_reader in(s);
        co_await read_head(in);
        if (n == 0) {
          co_await write_text(s, ok);
          co_await read_head(in);
        }
      },
      [](std::string origin) -> task<> {
        http::client c;
        co_await get_text(c, origin);
        const auto e = co_await caught<http::connect_error>(c.get(origin));
        EXPECT_TRUE(e && e->phase() == http::phase::first_byte);
      });
  EXPECT_EQ(connections, 2);
}

CONFORMANCE(Pool, SendsNothingTwiceOnceAByteOfTheAnswerHasCome) {
  int connections = 0;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        ++connections;
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, ok);
        co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 2");
      },
      [](std::string origin) -> task<> {
        http::client c;
        co_await get_text(c, origin);
        const auto e = co_await caught<http::error>(c.get(origin));
        EXPECT_TRUE(e);
        EXPECT_EQ(c.open_connections(), 0U);
      });
  EXPECT_EQ(connections, 1);
}

CONFORMANCE(Pool, TakesItsPlaceBackFromAResponseThatIsDropped) {
  std::vector<std::vector<std::string>> heads;
  co_await with_peer(keeps_answering(heads, ok), [&](std::string origin) -> task<> {
    http::client c(http::client_options().max_connections(1));
    std::string waited;
    co_await with_task_group([&](task_group& g) -> task<> {
      std::optional<http::response> held = co_await c.get(origin);
      g.spawn([&]() -> task<> { waited = co_await get_text(c, origin); });
      co_await sleep_for(1ms);
      EXPECT_EQ(waited, "");
      held.reset();
    });
    EXPECT_EQ(waited, "ok");
  });
}

// What is idle when a loop ends goes with it; the next loop opens its own.
EVERY_VERSION_RUNS(Pool, StartsAfreshOnTheNextLoop) {
  http::client c(spoken());
  for (int i = 0; i < 2; ++i)
    run_on(reactor, [&]() -> task<> {
      http::server server;
      server.route("POST", "/", [](server_request&) -> task<server_response> {
        co_return server_response::text("ok");
      });
      tcp_listener listener = listen_here();
      const std::string origin = origin_of(listener.local_endpoint());
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&] { return server.serve(std::move(listener)); });
        for (int n = 0; n < 2; ++n) {
          http::response r = co_await c.post(origin + "/", "x");
          EXPECT_EQ(co_await r.text(), "ok");
        }
        g.cancel();
      });
    });
  EXPECT_EQ(c.idle_connections(), 0U);
}

// A connection whose loop has ended must not be taken for one of the next.
CONFORMANCE_RUNS(Pool, UsesNoConnectionOfAnEarlierLoop) {
  http::client c;
  const endpoint here = run_on(reactor, [&]() -> task<endpoint> {
    tcp_listener listener = listen_here();
    const endpoint at = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        tcp_stream s = co_await listener.accept();
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, ok);
      });
      EXPECT_EQ(co_await get_text(c, origin_of(at)), "ok");
    });
    co_return at;
  });
  run_on(reactor, [&]() -> task<> {
    tcp_listener listener = tcp_listener::bind(here);  // the same origin
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        tcp_stream s = co_await listener.accept();
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, ok);
      });
      http::response r = co_await c.post(origin_of(here), "x");
      EXPECT_EQ(co_await r.text(), "ok");
    });
    c.close_idle();
  });
}
