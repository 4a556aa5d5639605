// WebSockets from end to end, without the handshake that led there: both sides of one connection.
#include "http/websocket_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_error;
using http::websocket_options;

namespace http_websocket_cases {

CONFORMANCE(Websocket, BringsEveryMessageAcrossAndBack) {
  both_ends ends = co_await connected(websocket_options().max_message(4 << 20));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(echo_messages(ends.server));
    for (const std::size_t n : {0, 1, 125, 126, 65535, 65536, 65537, 300'000, 3 << 20}) {
      const std::string text = numbered(1, n);
      auto sending = g.spawn(ends.client.send(text));
      const auto m = co_await ends.client.receive();
      EXPECT_TRUE(m && m->is_text && m->data == text) << n;
      co_await sending;
      const std::vector<std::byte> bytes(n, std::byte{0xFF});
      sending = g.spawn(ends.client.send(bytes));
      const auto b = co_await ends.client.receive();
      EXPECT_TRUE(b && !b->is_text && b->data.size() == n) << n;
      co_await sending;
    }
    co_await ends.client.close();
  });
  EXPECT_EQ(ends.server.close_code(), 1000);
  EXPECT_TRUE(ends.client.ended() && ends.server.ended());
}

CONFORMANCE(Websocket, SaysWhyItWasClosedToBothSides) {
  both_ends ends = co_await connected();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      EXPECT_FALSE(co_await ends.server.receive());
      EXPECT_EQ(ends.server.close_code(), 4321);
      EXPECT_EQ(ends.server.close_reason(), "enough");
      EXPECT_FALSE(co_await ends.server.receive());  // asked again, the same
      EXPECT_EQ(co_await code_thrown(ends.server.send("more")), 4321);
    });
    co_await ends.client.close(4321, "enough");
  });
  EXPECT_EQ(ends.client.close_code(), 4321);
  EXPECT_NE(co_await code_thrown(ends.client.send("more")), 0);
  co_await ends.client.close();  // does nothing
  bool refused = false;
  try {
    co_await ends.client.close(1005);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  EXPECT_TRUE(refused);
}

CONFORMANCE(Websocket, BothSidesMayCloseAtOnce) {
  both_ends ends = co_await connected();
  co_await gather(ends.client.close(1000, "a"), ends.server.close(1001, "b"));
  EXPECT_EQ(ends.client.close_code(), 1001);
  EXPECT_EQ(ends.server.close_code(), 1000);
}

// aiohttp#1002: close() that never ends while the peer sends.
CONFORMANCE(Websocket, CloseEndsWhileThePeerSendsAndSends) {
  both_ends ends = co_await connected(websocket_options().close_timeout(200ms));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {  // never reads
      const std::string text(1000, 'x');
      for (;;) {
        try {
          co_await ends.server.send(text);
        } catch (const websocket_error&) {
          co_return;
        }
        co_await sleep_for(1ms);
      }
    });
    co_await yield_now();
    const auto begun = this_loop().now();
    co_await ends.client.close();
    EXPECT_GE(this_loop().now() - begun, 200ms);  // for its answer never came
  });
  EXPECT_TRUE(ends.client.ended());
}

// websockets#704: close() takes a multiple of its time, once for each step of it.
CONFORMANCE(Websocket, CloseTakesItsTimeOnce) {
  auto [near, raw] = co_await tcp_ends();  // it takes nothing, answers nothing, and does not close
  auto client =
      websocket_over(http::detail::side::client, http::detail::plain_stream(std::move(near)),
                     websocket_options().close_timeout(200ms));
  const std::string text(60'000, 'x');
  while (client.try_send(text)) {
  }
  const auto begun = this_loop().now();
  co_await client.close();
  const auto took = this_loop().now() - begun;
  EXPECT_GE(took, 200ms);
  if (reactor == reactor_kind::simulated) EXPECT_EQ(took, 200ms);
  EXPECT_TRUE(client.ended());
}

// Two tasks of one side: one asks again and again for a while, the other closes.
CONFORMANCE(Websocket, CloseAndReceiveShareTheReading) {
  both_ends ends = co_await connected(websocket_options().close_timeout(30s));
  co_await with_task_group([&](task_group& g) -> task<> {
    cancel_scope scope;
    auto receiving = g.spawn(
        [&]() -> task<> { EXPECT_FALSE((co_await scope.run(ends.client.receive())).has_value()); });
    co_await yield_now();
    auto closing = g.spawn(ends.client.close(4000, "enough"));  // leaves the reading to the other,
    for (int i = 0; i < 5; ++i) co_await yield_now();
    scope.cancel();  // who goes
    co_await receiving;
    auto again = g.spawn(ends.client.receive());  // waits for the end
    for (int i = 0; i < 5; ++i) co_await yield_now();
    EXPECT_FALSE(closing.done() || again.done());
    co_await ends.server.send("nobody's");
    EXPECT_FALSE(co_await ends.server.receive());
    co_await closing;
    EXPECT_FALSE(co_await again);
    EXPECT_EQ(ends.client.close_code(), 4000);
    EXPECT_EQ(ends.server.close_reason(), "enough");
  });
}

// A close that is cancelled leaves the reading to who waits for it.
CONFORMANCE(Websocket, ReceiveGoesOnAfterACloseThatWasCancelled) {
  both_ends ends = co_await connected(websocket_options().close_timeout(30s));
  co_await with_task_group([&](task_group& g) -> task<> {
    cancel_scope scope;
    auto closing = g.spawn([&]() -> task<> {
      EXPECT_FALSE((co_await scope.run(ends.client.close(4000))).has_value());
    });
    for (int i = 0; i < 5; ++i) co_await yield_now();
    auto receiving = g.spawn(ends.client.receive());
    for (int i = 0; i < 5; ++i) co_await yield_now();
    scope.cancel();
    co_await closing;
    EXPECT_FALSE(co_await ends.server.receive());
    EXPECT_FALSE(co_await receiving);
    EXPECT_EQ(ends.client.close_code(), 4000);
  });
}

// aiohttp#10544: a handler that only sends is cut off by its own heartbeat.
CONFORMANCE(Websocket, WhoOnlySendsIsNotCutOffByTheHeartbeat) {
  for (const bool listens : {false, true}) {
    one_end end = co_await half_connected(websocket_options().heartbeat(5ms, 5ms));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto listening = g.spawn([&]() -> task<> {
        if (listens) co_await end.server.ignore_incoming();
      });
      auto peer = g.spawn([&]() -> task<> {  // reads, and when it listens answers with anything
        std::array<std::byte, 4096> room;
        while (co_await end.raw.read_some(room) > 0)
          if (listens)
            co_await end.raw.write_all(net::bytes_of(std::string_view("\x8A\x80\0\0\0\0", 6)));
      });
      for (int i = 0; i < 20; ++i) {
        co_await end.server.send("a line of a log");
        co_await sleep_for(2ms);
      }
      EXPECT_FALSE(end.server.ended());
      listening.cancel();
      peer.cancel();
      (void)co_await listening.join();
    });
  }
}

// jetty#13029: the last message is held back until the next one comes.
CONFORMANCE(Websocket, EachMessageOfAPacketIsGivenAtOnce) {
  one_end end = co_await half_connected();
  std::string packet;
  for (const char c : {'a', 'b', 'c'}) packet += std::string("\x81\x81\0\0\0\0", 6) + c;
  co_await end.raw.write_all(net::bytes_of(packet));
  for (const char c : {'a', 'b', 'c'}) EXPECT_EQ((co_await end.server.receive())->data[0], c);
}

// ws#2329: empty fragments without end.
CONFORMANCE(Websocket, EmptyFragmentsHaveAnEnd) {
  one_end end = co_await half_connected(websocket_options().max_fragments(100).close_timeout(50ms));
  std::string fragments("\x01\x80\0\0\0\0", 6);
  for (int i = 0; i < 100; ++i) fragments += std::string("\0\x80\0\0\0\0", 6);
  co_await end.raw.write_all(net::bytes_of(fragments));
  EXPECT_EQ(co_await code_thrown(end.server.receive()), 1009);
}

// coder/websocket#294: a read that ran out of time closes the connection; websockets#506: a message
// is lost as it arrives.
CONFORMANCE(Websocket, AReceiveThatRunsOutOfTimeLosesNothing) {
  both_ends ends = co_await connected();
  constexpr int messages = 60;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (int i = 0; i < messages; ++i) {
        co_await ends.server.send(numbered(i, i % 3 == 0 ? 40'000 : 10));
        for (int turns = i % 5; turns > 0; --turns) co_await yield_now();
      }
    });
    int next = 0;
    for (int tries = 0; next < messages && tries < 100'000; ++tries) {
      // Gives up after so many turns.
      cancel_scope scope;
      auto impatient = g.spawn([&scope, tries]() -> task<> {
        for (int turns = tries % 4; turns > 0; --turns) co_await yield_now();
        scope.cancel();
      });
      const auto came = co_await scope.run(ends.client.receive());
      impatient.cancel();
      (void)co_await impatient.join();
      if (!came.has_value()) continue;
      EXPECT_EQ(number_of(*came.value()), next);
      ++next;
      if (testing::Test::HasFailure()) co_return;
    }
    EXPECT_EQ(next, messages);
  });
}

// coder/websocket#474: a cancelled write leaves a lock, or half a frame.
CONFORMANCE(Websocket, ASendThatIsCancelledSendsItsMessageOrNot) {
  both_ends ends = co_await connected();
  constexpr int messages = 200;
  std::vector<int> sent, came;
  co_await with_task_group([&](task_group& g) -> task<> {
    event read_on;
    g.spawn([&]() -> task<> {
      for (;;) {
        co_await read_on.wait();
        const auto m = co_await ends.server.receive();
        if (!m) co_return;
        EXPECT_EQ(m->data, numbered(number_of(*m), 30'000));
        came.push_back(number_of(*m));
      }
    });
    for (int i = 0; i < messages; ++i) {
      cancel_scope scope;
      auto impatient = g.spawn([&, i]() -> task<> {
        for (int turns = i % 7; turns > 0; --turns) co_await yield_now();
        scope.cancel();
        read_on.set();
      });
      const std::string text = numbered(i, 30'000);
      const auto done = co_await scope.run(ends.client.send(text));
      (void)co_await impatient.join();
      if (done.has_value()) sent.push_back(i);
      if (i % 3 == 0) read_on.clear();
    }
    read_on.set();
    co_await ends.client.close();
  });
  EXPECT_TRUE(std::ranges::is_sorted(came));
  EXPECT_EQ(std::ranges::adjacent_find(came), came.end()) << "one came twice";
  EXPECT_TRUE(std::ranges::includes(came, sent)) << "one that was sent never came";
  EXPECT_GT(sent.size(), 0U);
}

// websockets#542: a send between two fragments.
CONFORMANCE(Websocket, SeveralSendersAndAWriterInPiecesMixNothing) {
  both_ends ends = co_await connected(websocket_options().max_message(1 << 20));
  constexpr int senders = 8, each = 20;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await with_task_group([&](task_group& inner) -> task<> {
        for (int s = 0; s < senders; ++s)
          inner.spawn([&ends, s]() -> task<> {
            for (int i = 0; i < each; ++i) {
              const std::string text = numbered(s, 1000 + static_cast<std::size_t>(s) * 3000);
              if (s % 2 == 0) {
                co_await ends.client.send(text);
                continue;
              }
              auto w = co_await ends.client.begin_text();
              for (std::size_t at = 0; at < text.size(); at += 700)
                co_await w.write(std::string_view(text).substr(at, 700));
              co_await w.end();
            }
          });
        co_return;
      });
      co_await ends.client.close();
    });
    std::array<int, senders> count{};
    while (const auto m = co_await ends.server.receive()) {
      const int s = number_of(*m);
      EXPECT_EQ(m->data, numbered(s, 1000 + static_cast<std::size_t>(s) * 3000));
      ++count.at(static_cast<std::size_t>(s));
    }
    for (const int n : count) EXPECT_EQ(n, each);
  });
}

// beast#2965: a ping collides with a write.
CONFORMANCE(Websocket, APingComesBackWhileMessagesGo) {
  both_ends ends = co_await connected();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(ends.server.ignore_incoming());
    g.spawn(ends.client.ignore_incoming());
    for (int i = 0; i < 20; ++i) {
      co_await ends.client.send(numbered(i, 5000));
      EXPECT_GE(co_await ends.client.ping(), 0ns);
      EXPECT_GE(co_await ends.server.ping(), 0ns);
    }
    co_await ends.client.close();
  });
}

CONFORMANCE(Websocket, TwoWhoPingWaitEachForTheirOwnPong) {
  one_end end = co_await half_connected();
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reading = g.spawn(end.server.receive());
    auto writer = co_await end.server.begin_text();  // both stand in the line behind it
    auto first = g.spawn(end.server.ping());
    auto second = g.spawn(end.server.ping());
    for (int i = 0; i < 20; ++i) co_await yield_now();
    co_await writer.end();
    std::array<std::byte, 8> sent;  // an empty text, and the pings "1" and "2"
    for (std::size_t have = 0; have < sent.size();)
      have += co_await end.raw.read_some(std::span(sent).subspan(have));
    co_await end.raw.write_all(
        net::bytes_of(std::string_view("\x8A\x81\0\0\0\0"
                                       "1",
                                       7)));
    EXPECT_GE(co_await first, 0ns);
    for (int i = 0; i < 20; ++i) co_await yield_now();
    EXPECT_FALSE(second.done());
    co_await end.raw.write_all(
        net::bytes_of(std::string_view("\x8A\x81\0\0\0\0"
                                       "2",
                                       7)));
    EXPECT_GE(co_await second, 0ns);
    reading.cancel();
    (void)co_await reading.join();
  });
}

// aiohttp#2309: a dead peer that the reader never hears of.
CONFORMANCE(Websocket, APeerThatAnswersNoPingIsGivenUp) {
  one_end end = co_await half_connected(websocket_options().heartbeat(20ms, 20ms));
  const auto begun = this_loop().now();
  EXPECT_EQ(co_await code_thrown(end.server.receive()), 1006);
  EXPECT_GE(this_loop().now() - begun, 40ms);
  EXPECT_TRUE(end.server.ended());
}

CONFORMANCE(Websocket, APeerThatSendsAnythingIsAlive) {
  one_end end = co_await half_connected(websocket_options().heartbeat(20ms, 40ms));
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reading = g.spawn(end.server.receive());
    // One long message, a byte now and then, and no pong.
    co_await end.raw.write_all(net::bytes_of(std::string_view("\x81\x8A\0\0\0\0", 6)));
    for (int i = 0; i < 10; ++i) {
      co_await sleep_for(15ms);
      co_await end.raw.write_all(net::bytes_of("x"));
    }
    const auto m = co_await reading;
    EXPECT_TRUE(m && m->data == "xxxxxxxxxx");
  });
}

// jetty#13029, uWebSockets#1876: what is left over goes although nobody writes any more.
CONFORMANCE(Websocket, APongThatFoundNoRoomGoesWhenThereIsSome) {
  one_end end = co_await half_connected();
  co_await with_task_group([&](task_group& g) -> task<> {
    // Fill what lies between, until a send waits; it is cancelled with its frame half out.
    cancel_scope scope;
    auto stop = g.spawn([&]() -> task<> {
      for (int i = 0; i < 50; ++i) co_await yield_now();
      scope.cancel();
    });
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): run at once
    (void)co_await scope.run([&]() -> task<> {
      const std::string text(60'000, 'x');
      for (;;) co_await end.server.send(text);
    });
    (void)co_await stop.join();
    co_await end.raw.write_all(net::bytes_of(std::string_view("\x89\x81\0\0\0\0p", 7)));
    auto reading = g.spawn(end.server.receive());
    // Read all there is: whole frames, and the pong last.
    std::string all;
    std::array<std::byte, 65536> room;
    while (!all.ends_with("\x8A\x01p")) {
      const auto n = co_await try_for(5s, end.raw.read_some(room));
      EXPECT_TRUE(n && *n > 0);
      if (!n || *n == 0) break;
      all.append(reinterpret_cast<const char*>(room.data()), *n);
    }
    reading.cancel();
    (void)co_await reading.join();
    EXPECT_EQ((all.size() - 3) % 60'004, 0U) << "a frame was cut";
  });
}

CONFORMANCE(Websocket, TheHostilePeerIsToldWhatWasWrong) {
  struct {
    std::string bytes;
    int code;
  } const cases[] = {
      {"\x81\x05Hello", 1002},                             // without a mask
      {std::string("\x83\x80\0\0\0\0", 6), 1002},          // a reserved opcode
      {std::string("\x81\x81\0\0\0\0\xFF", 7), 1007},      // no UTF-8
      {std::string("\x82\xFE\x01\x00\0\0\0\0", 8), 1009},  // 256 bytes, announced
      {std::string("\x88\x82\0\0\0\0\x03\xED", 8), 1002},  // Close 1005
  };
  for (const auto& c : cases) {
    one_end end = co_await half_connected(websocket_options().max_message(255).close_timeout(50ms));
    co_await end.raw.write_all(net::bytes_of(c.bytes));
    EXPECT_EQ(co_await code_thrown(end.server.receive()), c.code);
    std::array<std::byte, 200> room;
    const std::size_t n = co_await end.raw.read_some(room);
    EXPECT_GE(n, 4U);
    EXPECT_EQ(static_cast<unsigned char>(room[0]), 0x88);
    EXPECT_EQ(static_cast<int>(room[2]) << 8 | static_cast<int>(room[3]), c.code);
  }
}

CONFORMANCE(Websocket, AMessageThatWasCutInTwoEndsTheWriting) {
  both_ends ends = co_await connected();
  co_await with_task_group([&](task_group& g) -> task<> {
    cancel_scope scope;
    auto stop = g.spawn([&]() -> task<> {
      for (int i = 0; i < 50; ++i) co_await yield_now();
      scope.cancel();
    });
    const std::string text(64 << 20, 'x');  // more than lies between
    EXPECT_FALSE((co_await scope.run(ends.server.send(text))).has_value());
    (void)co_await stop.join();
    EXPECT_EQ(co_await code_thrown(ends.server.send("more")), 1006);
  });
}

CONFORMANCE(Websocket, OneThatIsDroppedSaysGoingAway) {
  both_ends ends = co_await connected();
  {
    const websocket dropped = std::move(ends.server);
    (void)dropped;
  }
  EXPECT_FALSE(co_await ends.client.receive());
  EXPECT_EQ(ends.client.close_code(), 1001);
}

CONFORMANCE(Websocket, ASecondReaderIsBusy) {
  both_ends ends = co_await connected();
  co_await with_task_group([&](task_group& g) -> task<> {
    auto first = g.spawn(ends.client.receive());
    co_await yield_now();
    bool busy = false;
    try {
      (void)co_await ends.client.receive();
    } catch (const std::system_error& e) {
      busy = e.code() == io_errc::busy;
    }
    EXPECT_TRUE(busy);
    co_await ends.server.send("for the first");
    EXPECT_EQ((co_await first)->data, "for the first");
  });
}

CONFORMANCE(Websocket, WhatMayBeDroppedIsSentWhereThereIsRoom) {
  both_ends ends = co_await connected();
  const std::string text(60'000, 'x');
  int sent = 0;
  while (sent < 1000 && ends.server.try_send(text)) ++sent;
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 1000);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (int i = 0; i < sent; ++i)
        EXPECT_EQ((co_await ends.client.receive())->data.size(), 60'000U);
      co_await ends.client.close();
    });
    co_await ends.server.ignore_incoming();
  });
}

CONFORMANCE_RUNS(Websocket, CanBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    both_ends ends = co_await connected(websocket_options().close_timeout(1s));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(echo_messages(ends.server));
      const std::string large(100'000, 'x');
      auto sending = g.spawn(ends.client.send(large));
      (void)co_await ends.client.receive();
      co_await sending;
      auto reading = g.spawn(ends.client.receive());
      (void)co_await ends.client.ping();
      auto w = co_await ends.client.begin_text();
      co_await w.write("a");
      co_await w.end();
      (void)co_await reading;
      co_await ends.client.close();
    });
  });
  EXPECT_GT(n.at_rest, 10U);
  EXPECT_GT(n.at_wake, 10U);
}

}  // namespace http_websocket_cases
