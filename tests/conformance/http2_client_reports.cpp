// What users of other HTTP/2 clients have reported, each a test: the issue is named beside it.
#include "http/http2_peer.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace http2_client_reports {

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// A body of endless zeros, until the stream is closed.
task<> pour(http2_stream& s) {
  http2_head h;
  h.status = 200;
  s.send_head(h, false);
  const std::string piece(16 * 1024, '\0');
  while (!s.closed()) {
    if (s.write(net::bytes_of(piece)) > 0) continue;
    s.outgoing.clear();
    co_await s.outgoing.wait();
  }
}

task<> pour_or_say(http2_peer& /*p*/, http2_stream_ref s) {
  if (s->head().path == "/endless")
    co_await pour(*s);
  else
    co_await answer(*s, 200, s->head().path);
}

http::request put_waiting(const std::string& at) {
  return http::request("PUT", at).body(
      http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
        if (n++ > 0) co_await sleep_for(1h);
        co_return "x";
      }));
}

}  // namespace

// hyper#4003, golang/go#54330, curl#16955: what one stream does not read stops the others.
CONFORMANCE(Http2ClientReports, ASlowReaderDoesNotStarveTheOthers) {
  co_await with_http2_peer(pour_or_say, [](std::string at) -> task<> {
    http::client c(over_http2());
    std::vector<response> unread;  // more than fills the connection's window
    for (int i = 0; i < 12; ++i) unread.push_back(co_await c.get(at + "/endless"));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(co_await get_text(c, at + "/x"), "/x");
    response other = co_await c.get(at + "/endless");
    std::size_t got = 0;
    while (got < 8 * mib) got += (co_await other.next_chunk()).size();
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

// The same, of a body that is sent.
CONFORMANCE(Http2ClientReports, AnIdleUploadDoesNotStarveTheOthers) {
  http2_settings narrow;
  narrow.stream_window = 64 * 1024;
  narrow.connection_window = 64 * 1024;
  co_await with_http2_peer(
      [](http2_peer&, http2_stream_ref s) -> task<> {
        const std::string body = co_await body_of(*s);
        co_await answer(*s, 200, std::to_string(body.size()));
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 10; ++i) g.spawn(c.send(put_waiting(at)));
          co_await yield_now();
          for (int i = 0; i < 3; ++i) {
            response r = co_await c.send(http::request("PUT", at).body(std::string(mib, 'b')));
            EXPECT_EQ(co_await r.text(), std::to_string(mib));
          }
          g.cancel();
        });
      },
      narrow);
}

// okhttp#3915: the credit of what was cancelled is never given back.
CONFORMANCE(Http2ClientReports, TheCreditOfCancelledStreamsComesBack) {
  co_await with_http2_peer(pour_or_say, [](std::string at) -> task<> {
    http::client c(over_http2());
    for (int i = 0; i < 40; ++i) {  // each has filled its window of 2 MiB, of 16 in all
      response r = co_await c.get(at + "/endless");
      std::size_t got = 0;
      while (got < mib / 4) got += (co_await r.next_chunk()).size();
    }
    response r = co_await c.get(at + "/endless");
    std::size_t got = 0;
    while (got < 20 * mib) got += (co_await r.next_chunk()).size();
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

// golang/go#21229, httpcore#943: "100 of 100 streams open", because nobody reset them.
CONFORMANCE(Http2ClientReports, ACancelledRequestIsReset) {
  http2_settings few;
  few.streams = 4;
  int open = 0;
  int most_open = 0;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        most_open = std::max(most_open, ++open);
        if (s->head().path == "/never")
          co_await until_closed(*s);
        else
          co_await answer(*s, 200, "ok");
        --open;
        EXPECT_EQ(p.number, 0);
      },
      [](std::string at) -> task<> {
        http::client c(over_http2().max_connections(1));
        EXPECT_EQ(co_await get_text(c, at), "ok");
        for (int i = 0; i < 20; ++i) {
          co_await with_task_group([&](task_group& g) -> task<> {
            for (int k = 0; k < 3; ++k) g.spawn(c.get(at + "/never"));
            co_await sleep_for(1ms);
            g.cancel();
          });
          EXPECT_EQ(co_await get_text(c, at), "ok");
        }
        EXPECT_EQ(c.open_connections(), 1U);
      },
      few);
  EXPECT_LE(most_open, 4);
}

// aspnetcore#13406: the place is given back before the reset has been written, and the next request
// is one too many.
CONFORMANCE(Http2ClientReports, APlaceIsFreeWhenTheResetIsOnTheSocket) {
  http2_settings one;
  one.streams = 1;
  int refused = 0;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        if (p.session.places() > 1) ++refused;
        if (s->head().path == "/never")
          co_await until_closed(*s);
        else
          co_await answer(*s, 200, "ok");
      },
      [](std::string at) -> task<> {
        http::client c(over_http2().max_connections(1));
        EXPECT_EQ(co_await get_text(c, at), "ok");
        for (int i = 0; i < 50; ++i) {
          co_await with_task_group([&](task_group& g) -> task<> {
            auto never = g.spawn(c.get(at + "/never"));
            co_await sleep_for(100us);
            auto next = g.spawn(get_text(c, at));  // stands in line
            co_await yield_now();
            never.cancel();
            EXPECT_EQ(co_await next, "ok");
          });
        }
      },
      one);
  EXPECT_EQ(refused, 0);
}

// golang/go#48810: nobody asks whether the server is there, or the time for its answer does not
// begin because the question cannot be written.
CONFORMANCE(Http2ClientReports, AServerThatIsSilentIsGivenUp) {
  if (reactor != reactor_kind::simulated) co_return;  // 45 s
  // SETTINGS and WINDOW_UPDATE: windows that let the socket fill.
  const std::string windows(
      "\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff"
      "\0\0\x04\x08\0\0\0\0\0\x70\0\0\0",
      28);
  for (const std::size_t size : {0U, 64U << 20}) {
    co_await with_peer(
        [&](tcp_stream& s, int) -> task<> {
          net::buffered_reader in(s);
          co_await in.read_exactly(24);
          co_await write_text(s, windows);
          co_await sleep_for(1h);
        },
        [&](std::string at) -> task<> {
          http::client c(over_http2());
          const auto begun = this_loop().now();
          const auto e = co_await caught<http::connect_error>(
              c.send(http::request("PUT", at).body(std::string(size, 'b'))));
          EXPECT_TRUE(e && e->code() == std::errc::timed_out) << size;
          const auto took = this_loop().now() - begun;
          EXPECT_GE(took, 45s);
          EXPECT_LT(took, 46s);
          EXPECT_EQ(c.open_connections(), 0U);
        });
  }
}

CONFORMANCE(Http2ClientReports, AServerThatAnswersPingsIsWaitedFor) {
  if (reactor != reactor_kind::simulated) co_return;  // 200 s
  co_await with_http2_peer(
      [](http2_peer&, http2_stream_ref s) -> task<> {
        co_await sleep_for(200s);
        co_await answer(*s, 200, "late");
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        EXPECT_EQ(co_await get_text(c, at), "late");
      });
}

// golang/go#33425: a connection that takes nothing holds up the pool, and what is not its own.
CONFORMANCE(Http2ClientReports, AConnectionThatIsStuckHoldsUpNobodyElse) {
  co_await with_http2_peer(pour_or_say, [](std::string fine) -> task<> {
    co_await with_peer(
        [](tcp_stream& s, int) -> task<> {  // takes the preface, and then nothing
          std::vector<std::byte> room(64);
          co_await s.read_some(room);
          co_await s.write_all(net::bytes_of(std::string("\0\0\0\x04\0\0\0\0\0", 9)));
          co_await sleep_for(1h);
        },
        [&, fine](std::string stuck) -> task<> {
          http::client c(over_http2());
          co_await with_task_group([&](task_group& g) -> task<> {
            for (int i = 0; i < 20; ++i)
              g.spawn(c.send(http::request("PUT", stuck).body(std::string(mib, 'b'))));
            co_await sleep_for(5ms);
            for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await get_text(c, fine + "/y"), "/y");
            EXPECT_EQ(c.open_connections(), 2U);
            const auto late = co_await caught<http::timeout_error>(
                c.send(http::request("GET", stuck).timeout(5ms)));
            EXPECT_TRUE(late);
            g.cancel();
          });
        });
  });
}

// netty#15836, httpcore#1054: the first request after a graceful GOAWAY fails.
CONFORMANCE(Http2ClientReports, ARequestAfterAGracefulGoawayGoesElsewhere) {
  std::vector<int> served;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        served.push_back(p.number);
        co_await answer(*s, 200, "ok");
        p.session.shut_down();
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        for (int i = 0; i < 5; ++i) {
          // A POST: nothing may be lost, and nothing sent twice.
          response r = co_await c.send(http::request("POST", at).body("x"));
          EXPECT_EQ(co_await r.text(), "ok");
        }
      });
  EXPECT_EQ(served, (std::vector{0, 1, 2, 3, 4}));
}

// RFC 9113, section 6.8: what is above the last number was not begun, and is sent again whatever
// its method.
CONFORMANCE(Http2ClientReports, StreamsAboveTheLastNumberAreSentAgain) {
  std::map<std::string, int> answers;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        if (p.number == 0) {  // the last that counts is the first
          s->reset(http2_code::refused_stream);
          if (p.streams == 10) p.session.shut_down();
          co_return;
        }
        ++answers[co_await body_of(*s)];
        co_await answer(*s, 200, "ok");
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        std::vector<task<std::string>> work;
        for (int i = 0; i < 10; ++i)
          work.push_back([](http::client c, std::string at, int i) -> task<std::string> {
            response r = co_await c.send(http::request("POST", at).body(std::to_string(i)));
            co_return co_await r.text();
          }(c, at, i));
        for (const std::string& text : co_await gather(std::move(work))) EXPECT_EQ(text, "ok");
      });
  EXPECT_EQ(answers.size(), 10U);
  for (const auto& [body, n] : answers) EXPECT_EQ(n, 1) << body;
}

// A body that can be sent once is not sent again.
CONFORMANCE(Http2ClientReports, ARefusedStreamWhoseBodyIsGoneIsAnError) {
  co_await with_http2_peer(
      [](http2_peer&, http2_stream_ref s) -> task<> {
        co_await body_of(*s);
        s->reset(http2_code::refused_stream);
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        int taken = 0;
        const auto e = co_await caught<http::connect_error>(
            c.send(http::request("PUT", at).body(counted_body("x", 3, taken))));
        EXPECT_TRUE(e);
        EXPECT_EQ(e->code(), std::errc::connection_reset);
      });
}

// A server that never begins with a request is not asked for ever.
CONFORMANCE(Http2ClientReports, ARequestIsSentAgainAFewTimesOnly) {
  int asked = 0;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        ++asked;
        s->reset(http2_code::refused_stream);
        co_return;
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        EXPECT_TRUE(co_await caught<http::connect_error>(c.get(at)));
      });
  EXPECT_EQ(asked, 9);
}

// httpx2#1216: the peer lowers its limit below what is open.
CONFORMANCE(Http2ClientReports, ALimitThatIsLoweredIsWaitedFor) {
  int open = 0;
  int most_open = 0;
  event go_on;
  http2_peer* peer = nullptr;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        peer = &p;
        EXPECT_EQ(p.number, 0);
        ++open;
        if (s->head().path == "/first") {
          co_await go_on.wait();
        } else {
          most_open = std::max(most_open, open);
          co_await sleep_for(100us);
        }
        --open;
        co_await answer(*s, 200, "ok");
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2().max_connections(1));
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 8; ++i) g.spawn(get_text(c, at + "/first"));
          while (open < 8) co_await sleep_for(100us);
          peer->session.limit_streams(2);
          co_await sleep_for(2ms);
          auto late = g.spawn([&]() -> task<> {
            std::vector<task<std::string>> work;
            for (int i = 0; i < 10; ++i) work.push_back(get_text(c, at + "/late"));
            for (const auto& text : co_await gather(std::move(work))) EXPECT_EQ(text, "ok");
          });
          co_await sleep_for(2ms);
          EXPECT_EQ(most_open, 0);  // places are negative
          go_on.set();
          co_await late;
        });
      });
  EXPECT_GE(most_open, 1);
  EXPECT_LE(most_open, 2);
}

// curl#986, h2#634: an answer and a reset while the body is on its way.
CONFORMANCE(Http2ClientReports, AnAnswerAndAResetDuringTheUploadIsTheAnswer) {
  co_await with_http2_peer(
      [](http2_peer&, http2_stream_ref s) -> task<> {
        const bool fine = s->head().path == "/fine";
        co_await answer(*s, fine ? 200 : 413, "early");
        while (!s->all_sent() && !s->closed()) {
          s->outgoing.clear();
          co_await s->outgoing.wait();
        }
        s->reset(http2_code::no_error);
      },
      [](std::string at) -> task<> {
        http::client c(over_http2());
        for (const char* path : {"/fine", "/large"}) {
          int taken = 0;
          response r = co_await c.send(http::request("PUT", at + path)
                                           .body(counted_body(std::string(mib, 'b'), 1000, taken)));
          EXPECT_EQ(r.status(), path == std::string("/fine") ? 200 : 413);
          EXPECT_EQ(co_await r.text(), "early");
          EXPECT_LT(taken, 1000);
        }
        EXPECT_EQ(c.open_connections(), 1U);
      });
}

// RFC 9110, section 15.5.20: once more, on a fresh connection.
CONFORMANCE(Http2ClientReports, AMisdirectedRequestIsSentOnceMore) {
  std::vector<int> asked;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        asked.push_back(p.number);
        const bool wrong = s->head().path == "/never" || (p.number == 0 && p.streams > 1);
        co_await answer(*s, wrong ? 421 : 200, "ok");
      },
      [](std::string at) -> task<> {
        http::client c(over_http2().max_connections(1));
        EXPECT_EQ(co_await get_text(c, at), "ok");
        response r = co_await c.send(http::request("POST", at).body("x"));
        EXPECT_EQ(r.status(), 200);
        EXPECT_EQ(co_await r.text(), "ok");
        response never = co_await c.get(at + "/never");
        EXPECT_EQ(never.status(), 421);
      });
  EXPECT_EQ(asked, (std::vector{0, 0, 1, 1, 2}));
}

// Another one that was there may be as wrong.
CONFORMANCE(Http2ClientReports, AMisdirectedRequestGoesToNoOtherConnectionThatWasThere) {
  std::vector<int> asked;
  http2_settings one_at_a_time;
  one_at_a_time.streams = 1;
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) -> task<> {
        asked.push_back(p.number);
        co_await sleep_for(1ms);
        co_await answer(*s, s->head().path == "/never" ? 421 : 200, "ok");
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2());
        co_await get_text(c, at);  // now it knows the limit
        co_await gather(get_text(c, at), get_text(c, at));
        EXPECT_EQ(c.open_connections(), 2U);
        asked.clear();
        response never = co_await c.get(at + "/never");
        EXPECT_EQ(never.status(), 421);
      },
      one_at_a_time);
  EXPECT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked.back(), 2);
}

// While another one is held up.
CONFORMANCE(Http2ClientReports, APlaceThatIsBackServesWhoWaits) {
  event go_on;
  http2_settings two_at_a_time;
  two_at_a_time.streams = 2;
  co_await with_http2_peer(
      [&](http2_peer&, http2_stream_ref s) -> task<> {
        if (s->head().path == "/held") co_await go_on.wait();
        co_await answer(*s, 200, "ok");
      },
      [&](std::string at) -> task<> {
        http::client c(over_http2().max_connections(1));
        co_await get_text(c, at);  // now it knows the limit
        co_await with_task_group([&](task_group& g) -> task<> {
          auto held = g.spawn(get_text(c, at + "/held"));
          std::vector<task<std::string>> work;
          for (int i = 0; i < 4; ++i) work.push_back(get_text(c, at));
          for (const auto& text : co_await gather(std::move(work))) EXPECT_EQ(text, "ok");
          go_on.set();
          EXPECT_EQ(co_await held, "ok");
        });
      },
      two_at_a_time);
}

}  // namespace http2_client_reports
