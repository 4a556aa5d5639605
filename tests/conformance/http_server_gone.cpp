// A client that goes while its request is under way takes its handler with it.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

namespace http_server_gone_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace {

const std::string get_slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

struct watched_server {
  http::server server;
  event entered;
  event left;   // a handler's frame has gone
  event go_on;  // and may answer
  int answered = 0;
  event spawned_ended;

  explicit watched_server(const server_options& options = {}) : server(options) {
    server.route("GET", "/slow", [this](server_request&) -> task<server_response> {
      struct leaves {
        event& e;
        ~leaves() { e.set(); }
      } const mine{left};
      entered.set();
      co_await go_on.wait();
      ++answered;
      co_return server_response::text("hello");
    });
    server.route("GET", "/spawns", [this](server_request& r) -> task<server_response> {
      r.server().spawn([this]() -> task<> {
        co_await go_on.wait();
        spawned_ended.set();
      });
      struct leaves {
        event& e;
        ~leaves() { e.set(); }
      } const mine{left};
      entered.set();
      co_await sleep_for(1h);
      co_return server_response();
    });
    server.route("POST", "/body", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text());
    });
  }
};

}  // namespace

// h2o#1525: the handler of a client that had gone worked on for nobody.
CONFORMANCE(ServerGone, AClientThatClosesCancelsItsHandler) {
  watched_server s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, get_slow);
      co_await s.entered.wait();
    }
    co_await s.left.wait();
    EXPECT_EQ(s.answered, 0);
  });
}

CONFORMANCE(ServerGone, AndSoDoesOneThatResets) {
  for (const bool half_close : {false, true}) {
    watched_server s(server_options().half_close(half_close));
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      {
        tcp_stream client = co_await tcp_stream::connect(here);
        co_await write_text(client, get_slow);
        co_await s.entered.wait();
        client.set(net::options::linger(0s));
      }
      if (reactor == reactor_kind::simulated && half_close) co_return;  // knows no SO_LINGER
      co_await s.left.wait();
      EXPECT_EQ(s.answered, 0);
    });
  }
}

CONFORMANCE(ServerGone, OneThatHalfClosesIsAnsweredWhereThatIsAllowed) {
  watched_server s(server_options().half_close(true));
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    co_await write_text(client, get_slow);
    co_await client.shutdown_write();
    co_await s.entered.wait();
    co_await sleep_for(5ms);  // time to be taken for gone
    s.go_on.set();
    EXPECT_TRUE((co_await read_text(client)).ends_with("hello"));
  });
}

// The end that stands behind a body is no going while the body is read.
CONFORMANCE(ServerGone, ABodyThatEndsWithItsStreamIsRead) {
  watched_server s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    for (int i = 0; i < 10; ++i) {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n");
      co_await yield_now();
      co_await write_text(client, "the body");
      co_await client.shutdown_write();
      EXPECT_TRUE((co_await read_text(client)).ends_with("the body"));
    }
  });
}

// Whoever rests again after its body is watched again.
CONFORMANCE(ServerGone, AHandlerThatHasReadItsBodyIsWatched) {
  watched_server s;
  s.server.route("POST", "/slow", [&s](server_request& r) -> task<server_response> {
    struct leaves {
      event& e;
      ~leaves() { e.set(); }
    } const mine{s.left};
    co_await r.text();
    s.entered.set();
    co_await s.go_on.wait();
    co_return server_response();
  });
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n");
      co_await sleep_for(5ms);
      co_await write_text(client, "the body");
      co_await s.entered.wait();
    }
    co_await s.left.wait();
  });
}

// starlette#1438: what had to end was cancelled with its client.
CONFORMANCE(ServerGone, WhatWasSpawnedOutlivesItsClient) {
  watched_server s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    {
      tcp_stream client = co_await tcp_stream::connect(here);
      co_await write_text(client, "GET /spawns HTTP/1.1\r\nHost: a\r\n\r\n");
      co_await s.entered.wait();
    }
    co_await s.left.wait();
    EXPECT_FALSE(s.spawned_ended.is_set());
    s.go_on.set();
    co_await s.spawned_ended.wait();
  });
}

// The connection is whole after a handler that was watched, and so is the next request's.
CONFORMANCE(ServerGone, AHandlerThatRestedLeavesTheConnectionAsItWas) {
  watched_server s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    tcp_stream client = co_await tcp_stream::connect(here);
    for (int i = 0; i < 20; ++i) {
      s.go_on.clear();
      s.entered.clear();
      co_await write_text(client, get_slow);
      co_await s.entered.wait();
      co_await yield_now();
      s.go_on.set();
      std::string got;
      while (!got.ends_with("hello")) got += co_await read_text(client, 1);
    }
    EXPECT_EQ(s.answered, 20);
  });
}

// Its going, and its handler's end, in the same moment and around it.
CONFORMANCE(ServerGone, MayMeetTheAnswer) {
  watched_server s;
  co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
    for (int turns = 0; turns < 8; ++turns)
      for (const bool answer_first : {false, true}) {
        s.go_on.clear();
        s.entered.clear();
        s.left.clear();
        tcp_stream client = co_await tcp_stream::connect(here);
        co_await write_text(client, get_slow);
        co_await s.entered.wait();
        co_await yield_now();
        if (answer_first) s.go_on.set();
        client.close();
        for (int i = 0; i < turns; ++i) co_await yield_now();
        s.go_on.set();
        co_await s.left.wait();
      }
  });
}

CONFORMANCE_RUNS(ServerGone, CanBeCancelledAnywhere) {
  const waits_cancelled n = cancel_at_every_wait(reactor, []() -> task<> {
    watched_server s;
    co_await with_server(s.server, [&](std::string, endpoint here) -> task<> {
      {
        tcp_stream client = co_await tcp_stream::connect(here);
        co_await write_text(client, get_slow);
        co_await s.entered.wait();
        co_await yield_now();
      }
      co_await s.left.wait();
    });
  });
  EXPECT_GE(n.at_rest, 6U);
}

}  // namespace http_server_gone_cases
