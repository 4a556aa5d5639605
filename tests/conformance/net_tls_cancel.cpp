// Every wait of a TLS stream, cancelled at every moment.
#include "net/tls_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/patterns/gather.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

void expect_at_least(const waits_cancelled& n, std::size_t least) {
  EXPECT_GE(n.at_rest, least);
  EXPECT_GE(n.posted, least);
  EXPECT_GE(n.at_wake, least);
}

// Made once: what is cancelled is the streams.
struct contexts {
  tls_context client = tls_context::client(client_of_root().resumption(false));
  tls_context server = tls_context::server(server_as("good"));
};

}  // namespace

CONFORMANCE_RUNS(TlsCancelEveryWait, Handshakes) {
  NEEDS_CERTIFICATES;
  const contexts c;
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    tls_pair p = co_await tls_handshakes(c.client, c.server);
    EXPECT_TRUE(p.client.is_open());
  });
  expect_at_least(n, 4);
}

CONFORMANCE_RUNS(TlsCancelEveryWait, AHandshakeThatIsRefused) {
  NEEDS_CERTIFICATES;
  const contexts c;
  cancel_at_every_wait(reactor, [&]() -> task<> {
    const auto r = co_await as_result(tls_handshakes(c.client, c.server, "other.test"));
    EXPECT_EQ(r.code(), net::tls_errc::certificate_refused);
  });
}

// What has been read is a beginning of what was written, whenever the reader is stopped; and then
// the rest comes to whoever reads next.
CONFORMANCE_RUNS(TlsCancelEveryWait, Read) {
  NEEDS_CERTIFICATES;
  const contexts c;
  const std::string sent = pattern(40'000);
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got.clear();
        bool begun = false;
        tls_pair p = co_await shield(tls_handshakes(c.client, c.server));
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            begun = true;
            co_await shield([&]() -> task<> {
              co_await p.server.write_all(bytes_of(sent));
              co_await p.server.shutdown_write();
            });
          });
          co_await finally(
              [&]() -> task<> {
                for (std::string piece; !(piece = co_await read_piece(p.client, 3000)).empty();)
                  got += piece;
              },
              [&]() -> task<> {
                if (!begun) co_return;  // nobody will write
                for (std::string piece; !(piece = co_await read_piece(p.client, 5000)).empty();)
                  got += piece;
              });
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        // Empty: it was stopped before the reader began.
        EXPECT_TRUE(got == sent || got.empty()) << got.size();
      });
  expect_at_least(n, 1);
}

// What arrives is a beginning of what was written; a write side that was broken says so, and takes
// no leave.
CONFORMANCE_RUNS(TlsCancelEveryWait, Write) {
  NEEDS_CERTIFICATES;
  const contexts c;
  const std::string sent = pattern(300'000);
  std::string got;
  bool whole = false;
  const auto n = cancel_at_every_wait(
      options_for(reactor),
      [&]() -> task<> {
        got.clear();
        whole = false;
        tls_pair p = co_await shield(tls_handshakes(c.client, c.server));
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            co_await shield([&]() -> task<> {
              for (;;) {
                const auto piece = co_await as_result(read_piece(p.server, 20'000));
                whole = piece.has_value() && piece.value().empty();
                if (!piece.has_value() || whole) break;
                got += piece.value();
              }
            });
          });
          co_await finally(
              [&]() -> task<> {
                co_await p.client.write_all(bytes_of(sent));
                co_await p.client.shutdown_write();
              },
              [&]() -> task<> {
                p.client.close();
                co_return;
              });
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(sent.starts_with(got)) << got.size();
        // A clean end says that all was sent, or nothing.
        EXPECT_TRUE(!whole || got.empty() || got.size() == sent.size()) << got.size();
      });
  expect_at_least(n, 2);
}

CONFORMANCE_RUNS(TlsCancelEveryWait, Shutdown) {
  NEEDS_CERTIFICATES;
  const contexts c;
  cancel_at_every_wait(reactor, [&]() -> task<> {
    tls_pair p = co_await shield(tls_handshakes(c.client, c.server));
    co_await finally([&]() -> task<> { co_await p.client.shutdown_write(); },
                     // Called again it ends what the cancelled one began.
                     [&]() -> task<> {
                       co_await p.client.shutdown_write();
                       EXPECT_EQ(co_await read_piece(p.server), "");
                     });
  });
}

// The whole of an exchange over a stream whose kind is not known.
CONFORMANCE_RUNS(TlsCancelEveryWait, ExchangeOverAnAnyStream) {
  NEEDS_CERTIFICATES;
  using tls_any = tls_stream<net::any_stream>;
  const contexts c;
  bool answered = false;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        answered = false;
        stream_pair p = co_await connect_pair();
        auto [client, server] = co_await gather(
            tls_any::connect(net::any_stream(std::move(p.client)), c.client, "good.test"),
            tls_any::accept(net::any_stream(std::move(p.server)), c.server));
        co_await gather(
            [&]() -> task<> {
              co_await client.write_all(bytes_of("question"));
              co_await client.shutdown_write();
              EXPECT_EQ(co_await read_all(client), "answer");
              answered = true;
            },
            [&]() -> task<> {
              EXPECT_EQ(co_await read_all(server), "question");
              co_await server.write_all(bytes_of("answer"));
              co_await server.shutdown_write();
            });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        if (r.has_value()) EXPECT_TRUE(answered);
      });
  expect_at_least(n, 6);
}
