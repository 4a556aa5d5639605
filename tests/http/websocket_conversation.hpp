// A conversation of numbered messages between two WebSockets, whatever carries them, that may be
// cancelled at every wait: none may be lost or come twice, and what is left can be used on.
// `connect` is (websocket_options) -> task<both_ends>.
#pragma once

#include "http/websocket_support.hpp"
#include "support/cancel_at_every_wait.hpp"

#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

namespace rondo_test {

inline rondo::http::websocket_options patient_with_close() {
  return rondo::http::websocket_options().close_timeout(std::chrono::minutes(1));
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

  rondo::task<> say(rondo::http::websocket& ws, direction& d) {
    for (const std::size_t size : {10, 3'000, 70'000}) co_await d.numbers.send(ws, size);
    co_await d.numbers.send_in_pieces(ws, 2'000);
  }
  rondo::task<> hear(rondo::http::websocket& ws, direction& d) {
    while (const auto m = co_await ws.receive()) d.numbers.came(*m);
    d.ended_well = true;
  }
  rondo::task<> work(both_ends& ends) {
    co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
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
  rondo::task<> drain(both_ends& ends) {
    co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
      g.spawn(say_last(ends.client, up));
      g.spawn(say_last(ends.server, down));
      g.spawn(hear_last(ends.server, up));
      g.spawn(hear_last(ends.client, down));
      co_return;
    });
  }
  static rondo::task<> say_last(rondo::http::websocket& ws, direction& d) {
    // Closed before, or a message was cut in two?
    if (co_await code_thrown(d.numbers.send(ws, 5'000)) != 0) co_await ws.close();
  }
  static rondo::task<> hear_last(rondo::http::websocket& ws, direction& d) {
    try {
      while (const auto m = co_await ws.receive()) {
        d.numbers.came(*m);
        d.ended_well = m->data.size() == 5'000;
        if (d.ended_well) co_return;
      }
    } catch (const rondo::http::websocket_error&) {  // the other side could not go on
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), rondo::io_errc::busy);  // close() reads
    }
  }
};

template <class Connect>
void cancelled_everywhere(rondo::reactor_kind reactor, Connect connect) {
  conversation talk;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> rondo::task<> {
        talk = {};
        both_ends ends = co_await connect(patient_with_close());
        co_await talk.work(ends);
      },
      [&] {
        for (const direction* d : {&talk.up, &talk.down})
          EXPECT_TRUE(d->numbers.in_order() && d->numbers.intact());
      });
  EXPECT_GT(n.at_rest, 10U);
  EXPECT_GT(n.at_wake, 10U);
}

// The same cancelled within, k steps after its beginning; afterwards the connection is used on.
template <class Connect>
rondo::task<> cancelled_and_used_on(Connect connect, int steps, bool* was_cancelled, int* went_on) {
  conversation talk;
  both_ends ends = co_await connect(patient_with_close());
  rondo::cancel_scope scope;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    auto impatient = g.spawn([&]() -> rondo::task<> {
      for (int i = 0; i < steps; ++i) co_await rondo::sleep_for(std::chrono::microseconds(50));
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

}  // namespace rondo_test
