// TLS streams on every reactor: bytes, ends, names, sessions, timeouts.
#include "net/tls_support.hpp"
#include "support/conformance.hpp"

#include <rondo/patterns/gather.hpp>

#include <array>
#include <chrono>
#include <random>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::tls_version;

namespace {

// A conformance case is a coroutine: it leaves by co_return.
#define NEEDS_OPENSSL \
  if (certificates().empty()) co_return

template <class Error, class... X>
task<std::string> error_text(X... x) {
  auto r = co_await as_result(rondo::detail::to_task(std::move(x)...));
  if (!r.has_error()) {
    ADD_FAILURE() << "no error";
    co_return std::string();
  }
  try {
    std::rethrow_exception(r.error());
  } catch (const Error& e) {
    co_return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another error: " << e.what();
  }
  co_return std::string();
}

task<std::string> read_random(tls_tcp& s, std::uint64_t seed) {
  std::mt19937_64 draw(seed);
  std::string all;
  std::vector<std::byte> buffer(40'000);
  for (;;) {
    const std::size_t size = 1 + draw() % (draw() % 4 == 0 ? buffer.size() : 4096);
    const std::size_t n = co_await s.read_some(std::span(buffer).first(size));
    if (n == 0) co_return all;
    all.append(reinterpret_cast<const char*>(buffer.data()), n);
  }
}

template <net::byte_stream S>
task<std::string> read_exactly(S& s, std::size_t size) {
  std::string all;
  for (std::string piece; all.size() < size; all += piece) {
    piece = co_await read_piece(s, size - all.size());
    if (piece.empty()) break;
  }
  co_return all;
}

task<> write_and_end(tls_tcp& s, std::string_view text) {
  co_await s.write_all(bytes_of(text));
  co_await s.shutdown_write();
}

tls_context client_of(const tls_client_options& o = client_of_root()) {
  return tls_context::client(o);
}
tls_context server_with(const std::string& name) { return tls_context::server(server_as(name)); }

}  // namespace

CONFORMANCE(Tls, MovesBytesBothWaysAtOnce) {
  NEEDS_OPENSSL;
  for (const tls_version v : {tls_version::tls_1_2, tls_version::tls_1_3}) {
    tls_pair p =
        co_await tls_handshakes(client_of(client_of_root().max_version(v)), server_with("good"));
    EXPECT_EQ(p.client.protocol(), v == tls_version::tls_1_2 ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(p.server.protocol(), p.client.protocol());
    EXPECT_EQ(p.server.cipher(), p.client.cipher());
    const std::string up = pattern(1'500'000, 1);
    const std::string down = pattern(1'200'000, 2);
    auto [a, b, got_down, got_up] =
        co_await gather(write_and_end(p.client, up), write_and_end(p.server, down),
                        read_random(p.client, 3), read_random(p.server, 4));
    EXPECT_TRUE(got_up == up) << got_up.size();
    EXPECT_TRUE(got_down == down) << got_down.size();
  }
}

CONFORMANCE(Tls, SpeaksNothingOlderThanEitherEndAllows) {
  NEEDS_OPENSSL;
  const auto client = [](tls_version oldest, tls_version newest) {
    return client_of(client_of_root().min_version(oldest).max_version(newest));
  };
  const auto server = [](tls_version oldest, tls_version newest) {
    return tls_context::server(server_as("good").min_version(oldest).max_version(newest));
  };
  constexpr auto v12 = tls_version::tls_1_2;
  constexpr auto v13 = tls_version::tls_1_3;
  tls_pair p = co_await tls_handshakes(client(v13, v13), server(v12, v13));
  EXPECT_EQ(p.client.protocol(), "TLSv1.3");
  p = co_await tls_handshakes(client(v12, v13), server(v13, v13));
  EXPECT_EQ(p.client.protocol(), "TLSv1.3");
  EXPECT_TRUE((co_await as_result(tls_handshakes(client(v13, v13), server(v12, v12)))).has_error());
  EXPECT_TRUE((co_await as_result(tls_handshakes(client(v12, v12), server(v13, v13)))).has_error());
}

CONFORMANCE(Tls, KeepsTheOrderOfSmallWrites) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string piece = "piece " + std::to_string(i) + '\n';
    sent += piece;
    EXPECT_EQ(co_await p.client.write_some(bytes_of(piece)), piece.size());
  }
  co_await p.client.shutdown_write();
  EXPECT_EQ(co_await read_all(p.server, 7), sent);
}

// Over a stream whose kind is not known; it takes its leave too.
CONFORMANCE(Tls, GoesOverAnAnyStream) {
  NEEDS_OPENSSL;
  using tls_any = tls_stream<net::any_stream>;
  stream_pair p = co_await connect_pair();
  auto [client, server] = co_await gather(
      tls_any::connect(net::any_stream(std::move(p.client)), client_of(), "good.test"),
      tls_any::accept(net::any_stream(std::move(p.server)), server_with("good")));
  const std::string up = pattern(300'000, 1);
  auto [nothing, got] =
      co_await gather(client.write_all(bytes_of(up)), read_exactly(server, up.size()));
  EXPECT_TRUE(got == up) << got.size();
  client = tls_any();
  EXPECT_EQ(co_await read_piece(server), "");  // and not tls_truncated
  EXPECT_TRUE(server.transport().get_if<tcp_stream>() != nullptr);
}

CONFORMANCE(Tls, WritesWhenItIsMovedBeforeTheTaskBegins) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  task<> writes = p.client.write_all(bytes_of("begun elsewhere"));
  tls_tcp moved = std::move(p.client);
  co_await std::move(writes);
  moved.close();
  EXPECT_EQ(co_await read_all(p.server), "begun elsewhere");
}

CONFORMANCE(Tls, HalfCloseLeavesTheOtherDirectionOpen) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  co_await p.client.write_all(bytes_of("the question"));
  co_await p.client.shutdown_write();
  EXPECT_EQ(co_await read_all(p.server), "the question");
  EXPECT_EQ((co_await read_piece(p.server, 4)).size(), 0U);
  co_await p.server.write_all(bytes_of("the answer"));
  co_await p.server.shutdown_write();
  EXPECT_EQ(co_await read_all(p.client), "the answer");
  const auto late = co_await as_result(p.client.write_all(bytes_of("more")));
  EXPECT_EQ(late.code(), std::errc::broken_pipe);
}

CONFORMANCE(Tls, AnEndWithoutCloseNotifyIsTruncation) {
  NEEDS_OPENSSL;
  for (const tls_version v : {tls_version::tls_1_2, tls_version::tls_1_3}) {
    tls_pair p =
        co_await tls_handshakes(client_of(client_of_root().max_version(v)), server_with("good"));
    co_await p.server.write_all(bytes_of("half of what"));
    co_await p.server.transport().shutdown_write();
    std::array<std::byte, 100> buffer{};
    EXPECT_EQ(co_await p.client.read_some(buffer), 12U);
    for (int again = 0; again < 2; ++again) {
      const auto r = co_await as_result(p.client.read_some(buffer));
      EXPECT_EQ(r.code(), net::tls_errc::truncated);
    }
  }
}

CONFORMANCE(Tls, AnEndInTheMiddleOfARecordIsTruncation) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  // The header of a record of 100 bytes, and ten of them.
  co_await p.server.transport().write_all(
      bytes_of(std::string_view("\x17\x03\x03\x00\x64"
                                "0123456789",
                                15)));
  co_await p.server.transport().shutdown_write();
  const auto r = co_await as_result(read_piece(p.client, 4096));
  EXPECT_EQ(r.code(), net::tls_errc::truncated);
}

CONFORMANCE(Tls, TruncationInTheHandshakeSaysSo) {
  NEEDS_OPENSSL;
  stream_pair p = co_await connect_pair();
  co_await p.server.shutdown_write();
  const std::string text = co_await error_text<net::tls_truncated>(
      tls_tcp::connect(std::move(p.client), client_of(), "good.test"));
  EXPECT_NE(text.find("good.test"), std::string::npos) << text;
  EXPECT_NE(text.find("during the handshake"), std::string::npos) << text;
}

CONFORMANCE(Tls, ARecordThatWasChangedIsAnErrorAndStaysOne) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  co_await p.server.write_all(bytes_of("true"));
  co_await p.server.transport().write_all(
      bytes_of(std::string_view("\x17\x03\x03\x00\x20"
                                "01234567890123456789012345678901",
                                37)));
  std::array<std::byte, 100> buffer{};
  EXPECT_EQ(co_await p.client.read_some(buffer), 4U);
  for (int again = 0; again < 2; ++again)
    EXPECT_EQ((co_await as_result(p.client.read_some(buffer))).code(), net::tls_errc::protocol);
  EXPECT_EQ((co_await as_result(p.client.write_all(bytes_of("x")))).code(),
            net::tls_errc::protocol);
}

CONFORMANCE(Tls, WhatIsNotTlsIsRefused) {
  NEEDS_OPENSSL;
  stream_pair p = co_await connect_pair();
  co_await p.server.write_all(bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const std::string text = co_await error_text<net::tls_error>(
      tls_tcp::connect(std::move(p.client), client_of(), "good.test"));
  EXPECT_NE(text.find("wrong version number"), std::string::npos) << text;
}

CONFORMANCE(Tls, ASecondReaderAndASecondWriterAreBusy) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await read_piece(p.client, 8); });
    co_await sleep_for(1ms);
    const auto r = co_await as_result(read_piece(p.client, 8));
    EXPECT_EQ(r.code(), io_errc::busy);
    co_await p.client.write_all(bytes_of("a writer is welcome"));
    g.cancel();
  });
  // The reader is gone, and its turn with it.
  co_await p.server.write_all(bytes_of("back"));
  EXPECT_EQ((co_await read_piece(p.client, 8)).size(), 4U);
}

CONFORMANCE(Tls, CloseEndsAReaderWithClosed) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      const auto r = co_await as_result(read_piece(p.client, 8));
      EXPECT_EQ(r.code(), io_errc::closed);
    });
    co_await sleep_for(1ms);
    p.client.close();
  });
  EXPECT_FALSE(p.client.is_open());
  EXPECT_EQ((co_await as_result(read_piece(p.client, 8))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(p.client.write_all(bytes_of("x")))).code(), io_errc::closed);
  tls_tcp never_opened;
  EXPECT_EQ((co_await as_result(never_opened.shutdown_write())).code(), io_errc::closed);
}

CONFORMANCE(Tls, DestroyedAtRestItSaysGoodbye) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  {
    const tls_tcp gone = std::move(p.client);
  }
  EXPECT_EQ(co_await read_all(p.server), "");
}

CONFORMANCE(Tls, DestroyedByACancellationItSaysNothing) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  // A client that closes with the server's tickets unread resets the connection.
  co_await p.server.write_all(bytes_of("x"));
  EXPECT_EQ(co_await read_piece(p.client), "x");
  const auto r = co_await try_for(
      1ms,
      [](tls_tcp mine) -> task<> {
        co_await mine.write_all(bytes_of("the first half"));
        co_await sleep_for(1h);
      },
      std::move(p.client));
  EXPECT_FALSE(r);
  EXPECT_EQ((co_await read_piece(p.server, 100)).size(), 14U);
  const auto end = co_await as_result(read_piece(p.server, 100));
  EXPECT_EQ(end.code(), net::tls_errc::truncated);
}

CONFORMANCE(Tls, DestroyedByAnExceptionItSaysNothing) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  // A client that closes with the server's tickets unread resets the connection.
  co_await p.server.write_all(bytes_of("x"));
  EXPECT_EQ(co_await read_piece(p.client), "x");
  const auto r = co_await as_result([](tls_tcp taken) -> task<> {
    const tls_tcp mine = std::move(taken);
    throw std::runtime_error("the body's source failed");
    co_return;
  }(std::move(p.client)));
  EXPECT_TRUE(r.has_error());
  const auto end = co_await as_result(read_piece(p.server, 100));
  EXPECT_EQ(end.code(), net::tls_errc::truncated);
}

CONFORMANCE(Tls, ACancelledReadLosesNoByte) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  const std::string sent = pattern(200'000);
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (std::size_t at = 0; at < sent.size(); at += 1000) {
        co_await p.server.write_all(bytes_of(std::string_view(sent).substr(at, 1000)));
        if (at % 10'000 == 0) co_await sleep_for(100us);
      }
      co_await p.server.shutdown_write();
    });
    std::vector<std::byte> buffer(3000);
    for (;;) {
      const auto n = co_await try_for(30us, p.client.read_some(buffer));
      if (n && *n == 0) break;
      got.append(reinterpret_cast<const char*>(buffer.data()), n.value_or(0));
    }
  });
  EXPECT_TRUE(got == sent) << got.size();
}

CONFORMANCE(Tls, ACancelledWriteBreaksTheWriteSideAlone) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  const std::string large = pattern(16 << 20);
  EXPECT_FALSE(co_await try_for(20ms, p.client.write_all(bytes_of(large))));
  EXPECT_EQ((co_await as_result(p.client.write_all(bytes_of("x")))).code(), io_errc::write_broken);
  EXPECT_EQ((co_await as_result(p.client.shutdown_write())).code(), io_errc::write_broken);
  co_await p.server.write_all(bytes_of("still heard"));
  EXPECT_EQ((co_await read_piece(p.client, 100)).size(), 11U);
  // Nor does it take leave as if all had gone.
  p.client.close();
  const auto r = co_await as_result(read_all(p.server));
  EXPECT_TRUE(r.has_error());
}

CONFORMANCE(Tls, ASilentPeerRunsIntoTheHandshakeTimeout) {
  NEEDS_OPENSSL;
  stream_pair p = co_await connect_pair();
  const auto before = this_loop().now();
  const std::string text = co_await error_text<net::tls_handshake_timeout>(tls_tcp::connect(
      std::move(p.client), client_of(client_of_root().handshake_timeout(30ms)), "good.test"));
  EXPECT_GE(this_loop().now() - before, 30ms);
  EXPECT_NE(text.find("good.test"), std::string::npos) << text;
  stream_pair q = co_await connect_pair();
  co_await error_text<net::tls_handshake_timeout>(tls_tcp::accept(
      std::move(q.server), tls_context::server(server_as("good").handshake_timeout(10ms))));
}

CONFORMANCE(Tls, AgreesOnTheFirstProtocolThatTheServerPrefers) {
  NEEDS_OPENSSL;
  tls_pair p =
      co_await tls_handshakes(client_of(client_of_root().alpn({"http/1.1", "h2"})),
                              tls_context::server(server_as("good").alpn({"h2", "http/1.1"})));
  EXPECT_EQ(p.client.alpn(), "h2");
  EXPECT_EQ(p.server.alpn(), "h2");
  tls_pair q =
      co_await tls_handshakes(client_of(), tls_context::server(server_as("good").alpn({"h2"})));
  EXPECT_EQ(q.client.alpn(), "");
}

CONFORMANCE(Tls, ProtocolsWithNothingInCommonAreRefusedByAnAlert) {
  NEEDS_OPENSSL;
  stream_pair p = co_await connect_pair();
  auto [c, s] = co_await gather(
      return_exceptions,
      tls_tcp::connect(std::move(p.client), client_of(client_of_root().alpn({"smtp"})),
                       "good.test"),
      tls_tcp::accept(std::move(p.server), tls_context::server(server_as("good").alpn({"h2"}))));
  EXPECT_EQ(s.code(), net::tls_errc::protocol);
  try {
    (void)c.value();
    ADD_FAILURE() << "no error";
  } catch (const net::tls_alert& e) {
    EXPECT_EQ(e.number(), 120);
    EXPECT_EQ(e.name(), "no application protocol");
  }
}

CONFORMANCE(Tls, TheNameChoosesTheCertificate) {
  NEEDS_OPENSSL;
  tls_server_options o = server_as("good");
  o.certificate_file(certificate_path("second-chain.pem"), certificate_path("second.key"));
  o.certificate_file(certificate_path("wildcard-chain.pem"), certificate_path("wildcard.key"));
  const tls_context server = tls_context::server(o);
  for (const auto& [name, subject] :
       {std::pair("good.test", "CN=good"), std::pair("second.test", "CN=second"),
        std::pair("a.wild.test", "CN=wildcard")}) {
    tls_pair p = co_await tls_handshakes(client_of(), server, name);
    EXPECT_EQ(p.client.peer_subject(), subject);
    EXPECT_EQ(p.server.server_name(), name);
    EXPECT_FALSE(p.client.peer_certificate().empty());
  }
  // A name that none is for gets the first one, and the client refuses it.
  const std::string text = co_await error_text<net::tls_certificate_error>(
      tls_handshakes(client_of(), server, "third.test"));
  EXPECT_NE(text.find("hostname mismatch"), std::string::npos) << text;
}

CONFORMANCE(Tls, AnAddressIsVerifiedAsOneAndNotAskedForAsAName) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes(client_of(), server_with("ip"), "127.0.0.1");
  EXPECT_EQ(p.server.server_name(), "");
  tls_pair q = co_await tls_handshakes(client_of(), server_with("ip6"), "::1");
  EXPECT_EQ(q.server.server_name(), "");
}

CONFORMANCE(Tls, AClientShowsItsCertificate) {
  NEEDS_OPENSSL;
  const tls_context server =
      tls_context::server(server_as("good").client_ca_file(certificate_path("root.pem")));
  tls_pair p = co_await tls_handshakes(
      client_of(client_of_root().certificate_file(certificate_path("client-chain.pem"),
                                                  certificate_path("client.key"))),
      server);
  EXPECT_EQ(p.server.peer_subject(), "CN=client");
  EXPECT_EQ(p.client.peer_subject(), "CN=good");
}

CONFORMANCE(Tls, AClientWithoutACertificateIsRefusedWhereOneIsWanted) {
  NEEDS_OPENSSL;
  const tls_context server =
      tls_context::server(server_as("good").client_ca_file(certificate_path("root.pem")));
  for (const tls_version v : {tls_version::tls_1_2, tls_version::tls_1_3}) {
    stream_pair p = co_await connect_pair();
    auto [c, s] = co_await gather(
        return_exceptions,
        [](tcp_stream t, tls_version version) -> task<> {
          tls_tcp client = co_await tls_tcp::connect(
              std::move(t), client_of(client_of_root().max_version(version)), "good.test");
          co_await read_piece(client, 4);  // in 1.3 the refusal comes here
        }(std::move(p.client), v),
        tls_tcp::accept(std::move(p.server), server));
    EXPECT_EQ(s.code(), net::tls_errc::protocol);
    EXPECT_EQ(c.code(), net::tls_errc::alert);
  }
  // A server's certificate is none of a client; one of an authority unknown to the server neither.
  const std::string text = co_await error_text<net::tls_certificate_error>([&]() -> task<> {
    stream_pair p = co_await connect_pair();
    auto [c, s] = co_await gather(return_exceptions,
                                  tls_tcp::connect(std::move(p.client),
                                                   client_of(client_of_root().certificate_file(
                                                       certificate_path("untrusted-chain.pem"),
                                                       certificate_path("untrusted.key"))),
                                                   "good.test"),
                                  tls_tcp::accept(std::move(p.server), server));
    (void)s.value();
  });
  EXPECT_NE(text.find("certificate"), std::string::npos);
  tls_pair optional = co_await tls_handshakes(
      client_of(),
      tls_context::server(server_as("good").client_ca_file(certificate_path("root.pem"), true)));
  EXPECT_EQ(optional.server.peer_subject(), "");
}

namespace {

// One exchange, so that the client has read the tickets that came with it.
task<tls_pair> acquainted(tls_context client, tls_context server, std::string name = "good.test") {
  tls_pair p = co_await tls_handshakes(std::move(client), std::move(server), std::move(name));
  co_await p.server.write_all(bytes_of("hello"));
  std::array<std::byte, 5> buffer{};
  EXPECT_EQ(co_await p.client.read_some(buffer), 5U);
  co_await p.client.shutdown_write();
  co_await p.server.shutdown_write();
  co_return p;
}

}  // namespace

CONFORMANCE(Tls, TakesUpAnEarlierSessionWithTheSameNameAlone) {
  NEEDS_OPENSSL;
  for (const tls_version v : {tls_version::tls_1_2, tls_version::tls_1_3}) {
    tls_server_options o = server_as("good");
    o.certificate_file(certificate_path("second-chain.pem"), certificate_path("second.key"));
    const tls_context server = tls_context::server(o);
    const tls_context client = client_of(client_of_root().max_version(v));
    EXPECT_FALSE((co_await acquainted(client, server)).client.resumed());
    tls_pair again = co_await acquainted(client, server, "GOOD.test.");
    EXPECT_TRUE(again.client.resumed());
    EXPECT_TRUE(again.server.resumed());
    EXPECT_EQ(again.client.peer_subject(), "CN=good");
    EXPECT_FALSE((co_await acquainted(client, server, "second.test")).client.resumed());
    // Another context has another memory.
    EXPECT_FALSE((co_await acquainted(client_of(), server)).client.resumed());
    const tls_context forgetful = client_of(client_of_root().resumption(false));
    EXPECT_FALSE((co_await acquainted(forgetful, server)).client.resumed());
    EXPECT_FALSE((co_await acquainted(forgetful, server)).client.resumed());
  }
}

CONFORMANCE(Tls, ASessionDoesNotOutliveItsCertificate) {
  NEEDS_OPENSSL;
  static std::chrono::system_clock::time_point now;
  now = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  const tls_context client = client_of(client_of_root().clock(+[]() noexcept { return now; }));
  const tls_context server = server_with("good");
  EXPECT_FALSE((co_await acquainted(client, server)).client.resumed());
  now = std::chrono::sys_days(std::chrono::year(2051) / 6 / 1);
  const std::string text =
      co_await error_text<net::tls_certificate_error>(tls_handshakes(client, server));
  EXPECT_NE(text.find("certificate has expired"), std::string::npos) << text;
}

CONFORMANCE(Tls, AReplacedContextIsForNewConnections) {
  NEEDS_OPENSSL;
  net::tls_reloadable current(server_with("good"));
  tls_pair first = co_await tls_handshakes(client_of(), current.get());
  current.replace(server_with("several"));
  tls_pair next = co_await tls_handshakes(client_of(), current.get());
  EXPECT_EQ(first.client.peer_subject(), "CN=good");
  EXPECT_EQ(next.client.peer_subject(), "CN=several");
  co_await first.client.write_all(bytes_of("still here"));
  std::array<std::byte, 10> buffer{};
  EXPECT_EQ(co_await first.server.read_some(buffer), 10U);
}

CONFORMANCE(Tls, RunsOverTls) {
  NEEDS_OPENSSL;
  using inner = tls_stream<tls_tcp>;
  tls_pair outer = co_await tls_handshakes();
  auto [c, s] = co_await gather(inner::connect(std::move(outer.client), client_of(), "second.test"),
                                inner::accept(std::move(outer.server), server_with("second")));
  const std::string sent = pattern(300'000);
  std::string got;
  co_await gather(
      [](inner& to, std::string_view text) -> task<> {
        co_await to.write_all(bytes_of(text));
        co_await to.shutdown_write();
      }(c, sent),
      [](inner& from, std::string& all) -> task<> {
        std::vector<std::byte> buffer(10'000);
        while (const std::size_t n = co_await from.read_some(buffer))
          all.append(reinterpret_cast<const char*>(buffer.data()), n);
      }(s, got));
  EXPECT_TRUE(got == sent) << got.size();
}

CONFORMANCE(Tls, APeerIsGoneWhenItsTransportEnds) {
  NEEDS_OPENSSL;
  tls_pair p = co_await tls_handshakes();
  EXPECT_FALSE(co_await try_for(100us, p.server.gone()));
  co_await p.client.shutdown_write();  // close_notify: bytes to be read
  EXPECT_FALSE(co_await try_for(1ms, p.server.gone()));
  p.client.close();  // without having read the server's session tickets: a reset
  EXPECT_EQ(co_await p.server.gone(), net::hang_up::full);
  p.server.close();
  EXPECT_EQ((co_await as_result(p.server.gone())).code(), io_errc::closed);
}

CONFORMANCE(Tls, AClientThatIsInsecureAsksForTheNameAndChecksNothing) {
  NEEDS_OPENSSL;
  const tls_context client = tls_context::client(tls_client_options().insecure());
  tls_pair p = co_await tls_handshakes(client, server_with("selfsigned"), "any.test");
  EXPECT_EQ(p.server.server_name(), "any.test");
  tls_pair q = co_await tls_handshakes(client, server_with("expired"), "");
  EXPECT_EQ(q.server.server_name(), "");
  co_await error_text<net::tls_config_error>(tls_handshakes(client_of(), server_with("good"), ""));
}
