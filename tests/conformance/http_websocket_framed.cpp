// Messages that are framed once for many, and what a Close does to a message that is on its way.
#include "http/websocket_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::framed_message;
using http::websocket_error;
using http::websocket_options;

namespace http_websocket_framed_cases {
namespace {

// Until the stream ends, or for so many bytes.
task<std::string> read_bytes(net::tcp_stream& s, std::size_t most) {
  std::string all;
  std::vector<std::byte> room(64 * 1024);
  while (all.size() < most) {
    const std::size_t n =
        co_await s.read_some(std::span(room).first(std::min(room.size(), most - all.size())));
    if (n == 0) break;
    all.append(reinterpret_cast<const char*>(room.data()), n);
  }
  co_return all;
}

// Whether the last that comes is a client's Close with a code. It waits for us to close.
task<bool> answers_and_ends(net::tcp_stream& raw) {
  std::string last;
  std::vector<std::byte> room(256 * 1024);
  while (last.size() < 8 || last.substr(last.size() - 8, 2) != "\x88\x82") {
    const std::size_t n = co_await raw.read_some(room);
    if (n == 0) co_return false;
    last.append(reinterpret_cast<const char*>(room.data()), n);
    last.erase(0, last.size() - std::min<std::size_t>(last.size(), 8));
  }
  co_await raw.shutdown_write();
  co_return co_await raw.read_some(room) == 0;
}

// What `send` has begun goes until nothing more fits between the two.
template <class Send>
task<> cancelled_after(int turns, Send send) {
  cancel_scope scope;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (int i = 0; i < turns; ++i) co_await yield_now();
      scope.cancel();
    });
    (void)co_await scope.run(send());
  });
}

}  // namespace

CONFORMANCE(FramedMessages, ReachEveryoneAsTheyAre) {
  for (const auto& o : {websocket_options(), websocket_options().compress(true)}) {
    both_ends ends = co_await connected(websocket_options(o).max_message(4 << 20));
    for (const std::size_t n : {0, 1, 125, 126, 65535, 65536, 300'000}) {
      const std::string text = numbered(1, n);
      const std::vector<std::byte> raw(n, std::byte{0xFF});
      const framed_message framed = framed_message::text(text), bytes = framed_message::bytes(raw);
      EXPECT_EQ(framed.data(), text);
      EXPECT_TRUE(framed.is_text() && !bytes.is_text());
      for (auto [from, to] :
           {std::pair(&ends.server, &ends.client), std::pair(&ends.client, &ends.server)}) {
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            co_await from->send(framed);
            co_await from->send(bytes);
          });
          const auto first = co_await to->receive(), second = co_await to->receive();
          EXPECT_TRUE(first && first->is_text && first->data == text) << n;
          EXPECT_TRUE(second && !second->is_text && second->data.size() == n) << n;
        });
      }
    }
  }
}

// "A slow reader holds up a broadcast."
CONFORMANCE(FramedMessages, ABroadcastIsHeldUpByNobody) {
  constexpr int readers = 5, messages = 300;
  const std::string text(20'000, 'x');
  broadcast<framed_message> room;
  int came = 0;
  bool gave_up = false;
  co_await with_task_group([&](task_group& g) -> task<> {
    const auto member = [&](http::websocket& ws, overflow policy) -> task<> {
      auto mine = room.subscribe(16, policy);
      while (const auto m = co_await mine.next()) co_await ws.send(*m);
      if (mine.lagged()) {
        gave_up = true;
        co_return;
      }
      co_await ws.close();
    };
    one_end slow = co_await half_connected();  // never reads
    auto lagging = g.spawn(member(slow.server, overflow::close));
    std::vector<both_ends> all;
    co_await with_task_group([&](task_group& inner) -> task<> {
      for (int i = 0; i < readers; ++i) all.push_back(co_await connected());
      for (both_ends& ends : all) {
        inner.spawn(member(ends.server, overflow::wait));
        inner.spawn([&]() -> task<> {
          while (const auto m = co_await ends.client.receive()) {
            EXPECT_EQ(m->data.size(), text.size());
            ++came;
          }
        });
      }
      co_await yield_now();
      for (int i = 0; i < messages; ++i) co_await room.send(framed_message::text(text));
      room.close();
    });
    EXPECT_EQ(came, readers * messages);
    EXPECT_FALSE(gave_up) << "it is still in the middle of a message";
    lagging.cancel();
    (void)co_await lagging.join();
  });
}

CONFORMANCE(FramedMessages, OneThatIsCancelledIsSentAsAWholeOrNot) {
  both_ends ends = co_await connected();
  constexpr int messages = 200;
  std::vector<int> sent, came;
  co_await with_task_group([&](task_group& g) -> task<> {
    event read_on;
    g.spawn([&]() -> task<> {
      for (;;) {
        co_await read_on.wait();
        const auto m = co_await ends.client.receive();
        if (!m) co_return;
        EXPECT_EQ(m->data, numbered(number_of(*m), 30'000));
        came.push_back(number_of(*m));
      }
    });
    for (int i = 0; i < messages; ++i) {
      const framed_message m = framed_message::text(numbered(i, 30'000));
      co_await cancelled_after(i % 7, [&]() -> task<> {
        co_await ends.server.send(m);
        sent.push_back(i);
      });
      read_on.set();
      if (i % 3 == 0) read_on.clear();
    }
    read_on.set();
    co_await ends.server.close();
  });
  EXPECT_TRUE(std::ranges::is_sorted(came));
  EXPECT_EQ(std::ranges::adjacent_find(came), came.end()) << "one came twice";
  EXPECT_TRUE(std::ranges::includes(came, sent)) << "one that was sent never came";
  EXPECT_GT(sent.size(), 0U);
}

CONFORMANCE_RUNS(FramedMessages, CanBeCancelledAtEveryWait) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    broadcast<framed_message> room;
    both_ends ends = co_await connected(websocket_options().close_timeout(1s));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        auto mine = room.subscribe(1, overflow::wait);
        while (const auto m = co_await mine.next()) co_await ends.server.send(*m);
        co_await ends.server.close();
      });
      g.spawn([&]() -> task<> {
        const std::string large(80'000, 'x');
        co_await yield_now();
        for (int i = 0; i < 2; ++i) co_await room.send(framed_message::text(large));
        room.close();
      });
      while (co_await ends.client.receive()) {
      }
    });
  });
  EXPECT_GT(n.at_rest, 8U);
  EXPECT_GT(n.at_wake, 8U);
}

// A Close that comes while a large message goes is answered behind the message, and one that was
// asked for meanwhile is said there.
CONFORMANCE(Websocket, AServersLargeMessageGoesBeforeItsClose) {
  for (const bool by_the_peer : {true, false}) {
    one_end end = co_await half_connected();
    constexpr std::size_t size = 16 << 20;  // more than lies between
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        const std::string text(size, 'x');
        co_await end.server.send(text);
      });
      auto reading = g.spawn([&]() -> task<> { EXPECT_FALSE(co_await end.server.receive()); });
      for (int i = 0; i < 20; ++i) co_await yield_now();
      if (!by_the_peer) http::detail::websocket_access::leave(end.server, 1001);
      co_await end.raw.write_all(net::bytes_of(std::string_view("\x88\x82\0\0\0\0\x03\xE9", 8)));
      const std::string all = co_await read_bytes(end.raw, 10 + size + 4);
      EXPECT_TRUE(all.ends_with("\x88\x02\x03\xE9")) << by_the_peer;
      EXPECT_EQ(all.size(), 10 + size + 4);
    });
    EXPECT_EQ(end.server.close_code(), 1001);
  }
}

CONFORMANCE(Websocket, AClientsLargeMessageEndsWhereTheCloseOfThePeerComes) {
  auto [near, raw] = co_await tcp_ends();
  auto client =
      websocket_over(http::detail::side::client, http::detail::plain_stream(std::move(near)), {});
  co_await with_task_group([&](task_group& g) -> task<> {
    auto sending = g.spawn([&]() -> task<int> {
      const std::string text(16 << 20, 'x');  // in pieces, each a frame
      co_return co_await code_thrown(client.send(text));
    });
    auto reading = g.spawn([&]() -> task<> { EXPECT_FALSE(co_await client.receive()); });
    for (int i = 0; i < 20; ++i) co_await yield_now();
    co_await raw.write_all(net::bytes_of("\x88\x02\x03\xE8"));
    EXPECT_TRUE(co_await answers_and_ends(raw)) << "something stands behind its answer";
    EXPECT_EQ(co_await sending, 1000);
    co_await reading;
  });
}

// What cannot be answered any more is not waited for.
CONFORMANCE(Websocket, OneThatCutItsMessageStillReceives) {
  one_end end = co_await half_connected();
  {
    auto w = co_await end.server.begin_text();
    co_await w.write("half");
  }
  co_await end.raw.write_all(
      net::bytes_of(std::string_view("\x89\x81\0\0\0\0p"
                                     "\x81\x82\0\0\0\0Hi",
                                     15)));
  const auto m = co_await end.server.receive();
  EXPECT_TRUE(m && m->data == "Hi");
  co_await end.raw.write_all(net::bytes_of(std::string_view("\x89\x81\0\0\0\0p", 7)));
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reading = g.spawn(end.server.receive());
    for (int i = 0; i < 20; ++i) co_await yield_now();
    co_await end.raw.write_all(net::bytes_of(std::string_view("\x81\x82\0\0\0\0Ho", 8)));
    const auto more = co_await reading;
    EXPECT_TRUE(more && more->data == "Ho");
  });
  EXPECT_EQ(co_await code_thrown(end.server.send("more")), 1006);
}

}  // namespace http_websocket_framed_cases
