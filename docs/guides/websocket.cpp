#include "stage.hpp"

namespace guide::websocket {
namespace {

[[maybe_unused]] task<> client(http::client& c) {
  {
    // begin client
    http::websocket ws = co_await c.websocket("wss://example.org/chat");
    co_await ws.send("hello");
    while (auto m = co_await ws.receive()) use(m->data, m->is_text);  // empty: the peer has closed
    log(ws.close_code(), ws.close_reason());
    // end client
  }
  {
    // begin options
    auto options = http::websocket_options().protocols({"feed.v2", "feed.v1"}).compress(true);
    http::websocket ws = co_await c.websocket("wss://example.org/feed", options);
    auto m = co_await timeout(5s, ws.receive());  // losing this race costs nothing
    co_await ws.close(1000, "seen enough");
    // end options
  }
  {
    // begin pieces
    http::websocket ws = co_await c.websocket("wss://example.org/upload");
    auto w = co_await ws.begin_text();
    for (int n = 0; n < 1000; ++n) co_await w.write(std::to_string(n) + '\n');
    co_await w.end();
    // end pieces
  }
  {
    // begin send_only
    http::websocket ws = co_await c.websocket("wss://example.org/log");
    co_await with_task_group([&](task_group& group) -> task<> {
      group.spawn(ws.ignore_incoming());
      for (int n = 0; n < 1000; ++n) co_await ws.send(std::to_string(n));
      co_await ws.close();
    });
    // end send_only
  }
}

task<> with_server() {
  http::server s;
  // begin echo
  s.websocket("/echo", [](http::websocket& ws) -> task<> {
    while (auto m = co_await ws.receive()) co_await ws.send(*m);
  });
  // end echo
  // begin route
  s.route("GET", "/rooms/{name}", [](http::server_request& r) -> task<http::server_response> {
    if (!r.headers().contains("Authorization")) co_return http::server_response(401);
    auto welcome = [room = std::string(r.param("name"))](http::websocket& ws) -> task<> {
      co_await ws.send("welcome to " + room);
      while (co_await ws.receive()) {
      }
    };
    co_return http::accept_websocket(r, std::move(welcome));
  });
  // end route
  // begin chat
  rondo::broadcast<http::framed_message> room;
  s.websocket("/chat", [&](http::websocket& ws) -> task<> {
    auto heard = room.subscribe(64, overflow::close);
    co_await with_task_group([&](task_group& group) -> task<> {
      auto showing = group.spawn([&]() -> task<> {
        while (const auto m = co_await heard.next()) co_await ws.send(*m);
        if (heard.lagged()) co_await ws.close(1008, "you read too slowly");
      });
      while (const auto m = co_await ws.receive())
        co_await room.send(http::framed_message::text(m->data));
      showing.cancel();
    });
  });
  // end chat
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    for (const char* path : {"/echo", "/chat"}) {
      http::websocket ws = co_await c.websocket(std::string("ws://test") + path);
      co_await ws.send("hello");
      const auto m = co_await ws.receive();
      EXPECT_EQ(m->data, "hello") << path;
      co_await ws.close();
    }
    http::websocket ws = co_await c.websocket(
        c.make("GET", "ws://test/rooms/lobby").header("Authorization", "Bearer s3cret"));
    const auto m = co_await ws.receive();
    EXPECT_EQ(m->data, "welcome to lobby");
    co_await ws.close();
  });
}

TEST(WebSocket, TheServersOfItsPageAnswer) { simulated(with_server); }

}  // namespace
}  // namespace guide::websocket
