// https: the client and the server over TLS, on every reactor.
#include "http/served_requests.hpp"
#include "http/unasked_answers.hpp"
#include "net/tls_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http/resilience.hpp>
#include <rondo/runtime/as_result.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::phase;
using http::server_request;
using http::server_response;

namespace {

#define NEEDS_OPENSSL \
  if (certificates().empty()) co_return

// The certificate is for 127.0.0.1.
tls_context our_server() { return tls_context::server(server_as("ip").alpn({"http/1.1"})); }
http::client_options trusting(tls_client_options tls = client_of_root()) {
  return http::client_options().tls(tls_context::client(tls.alpn({"http/1.1"})));
}

// Runs body(origin) beside the server over TLS, which is cancelled when the body has ended.
template <class Body>
task<> with_secure_server(http::server& server, net::tls_reloadable tls, Body body) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return server.serve(std::move(listener), tls); });
    co_await body("https://" + here.to_string());
    g.cancel();
  });
}

// Runs body(origin) beside a peer that has done its handshake and then speaks raw bytes.
template <class Peer, class Body>
task<> with_secure_peer(Peer peer, Body body) {
  const tls_context context = our_server();
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) -> task<> {
      auto secure = co_await as_result(tls_tcp::accept(std::move(s), context));
      if (!secure.has_value()) co_return;
      tls_tcp stream = std::move(secure).value();
      net::buffered_reader in(stream);
      co_await in.read_until("\r\n\r\n", 100'000);
      co_await peer(stream);
    };
    g.spawn([&, handler] { return net::serve(std::move(listener), handler); });
    co_await body("https://" + here.to_string());
    g.cancel();
  });
}

void add_routes(http::server& s) {
  s.route("GET", "/hello", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello\n");
  });
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::bytes(co_await r.text());
  });
}

}  // namespace

CONFORMANCE(Https, GetsAndPostsOnOneConnection) {
  NEEDS_OPENSSL;
  http::server server(http::server_options().max_body(4 << 20));
  add_routes(server);
  co_await with_secure_server(server, our_server(), [](std::string origin) -> task<> {
    http::client c(trusting());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
    const std::string body = pattern(3 << 20);
    http::response r = co_await c.post(origin + "/echo", body);
    EXPECT_TRUE(co_await r.text() == body);
    EXPECT_EQ(c.open_connections(), 1U);
    EXPECT_EQ(c.idle_connections(), 1U);
  });
}

CONFORMANCE(Https, AHandshakeThatFailsIsCountedAndTold) {
  NEEDS_OPENSSL;
  int told = 0;
  endpoint who;
  std::exception_ptr why;
  http::server server(http::server_options().on_tls_failure(
      [&](const endpoint& client, const std::exception_ptr& e) {
        ++told;
        who = client;
        why = e;
      }));
  server.route("GET", "/failures", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::to_string(r.server().tls_failures()));
  });
  co_await with_secure_server(server, our_server(), [&](std::string origin) -> task<> {
    tcp_stream plain = co_await tcp_stream::connect(endpoint::parse(origin.substr(8)));
    const endpoint mine = plain.local_endpoint();
    co_await write_text(plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await until_closed(plain);
    EXPECT_EQ(told, 1);
    EXPECT_EQ(who, mine);
    EXPECT_THROW(std::rethrow_exception(why), net::tls_error);
    http::client c(trusting());
    EXPECT_EQ(co_await get_text(c, origin + "/failures"), "1");
  });
}

CONFORMANCE(Https, AHandlerIsToldOfItsClientsTls) {
  NEEDS_OPENSSL;
  http::server server;
  server.route("GET", "/tls", [](server_request& r) -> task<server_response> {
    const auto tls = r.tls();
    co_return server_response::text(!tls ? "none"
                                         : std::string(tls->protocol) + ' ' +
                                               std::string(tls->alpn) + ' ' +
                                               std::string(tls->cipher).substr(0, 3) +
                                               std::to_string(tls->client_certificate.size()));
  });
  co_await with_secure_server(server, our_server(), [](std::string origin) -> task<> {
    http::client c(trusting());
    EXPECT_EQ(co_await get_text(c, origin + "/tls"), "TLSv1.3 http/1.1 TLS0");
  });
}

CONFORMANCE(Https, AServerThatIsNotVerifiedIsATlsError) {
  NEEDS_OPENSSL;
  http::server server;
  add_routes(server);
  co_await with_secure_server(server, our_server(), [](std::string origin) -> task<> {
    http::client c;  // trusts the system's authorities, who do not know ours
    const auto e = co_await caught<http::tls_error>(c.get(origin + "/hello"));
    EXPECT_TRUE(e);
    if (e) {
      EXPECT_EQ(e->phase(), phase::tls);
      EXPECT_EQ(e->code(), net::tls_errc::certificate_refused);
      EXPECT_EQ(e->url(), origin + "/hello");
    }
    EXPECT_EQ(c.open_connections(), 0U);
    http::client careless(
        http::client_options().tls(tls_context::client(tls_client_options().insecure())));
    EXPECT_EQ(co_await get_text(careless, origin + "/hello"), "hello\n");
  });
}

CONFORMANCE(Https, NoAnswerThatNobodyAskedForAnswersTheNext) {
  NEEDS_OPENSSL;
  unasked_script script;
  const tls_context context = our_server();
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) -> task<> {
      auto secure = co_await as_result(tls_tcp::accept(std::move(s), context));
      if (!secure.has_value()) co_return;
      tls_tcp stream = std::move(secure).value();
      (void)co_await as_result(script.answer(stream));
    };
    g.spawn([&, handler] { return net::serve(std::move(listener), handler); });
    http::client c(trusting());
    EXPECT_EQ(co_await script.attack(reactor, c, "https://" + here.to_string(), 100), 0);
    g.cancel();
  });
}

CONFORMANCE(Https, PlainAndSecureAreNotMixed) {
  NEEDS_OPENSSL;
  http::server server;
  add_routes(server);
  co_await with_secure_server(server, our_server(), [&](std::string origin) -> task<> {
    http::client c(trusting());
    EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
    // The same host and port without TLS: a new connection, on which the server hears no TLS.
    std::string plain = origin;
    plain.erase(4, 1);
    EXPECT_TRUE((co_await as_result(c.get(plain + "/hello"))).has_error());
    EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
  });
}

CONFORMANCE(Https, TheTracerSeesTheHandshakeBetweenConnectAndRequest) {
  NEEDS_OPENSSL;
  struct log final : http::tracer {
    void on(const http::trace_event& e) override {
      using enum http::trace_point;
      if (e.what == connected || e.what == secured || e.what == head_sent) points.push_back(e.what);
      if (e.what == secured) protocol = e.text;
    }
    std::vector<http::trace_point> points;
    std::string protocol;
  };
  http::server server;
  add_routes(server);
  co_await with_secure_server(server, our_server(), [](std::string origin) -> task<> {
    auto seen = std::make_shared<log>();
    http::client c(trusting().trace(seen));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
    using enum http::trace_point;
    EXPECT_EQ(seen->points, (std::vector{connected, secured, head_sent, head_sent}));
    EXPECT_TRUE(seen->protocol.starts_with("TLS")) << seen->protocol;
  });
}

CONFORMANCE(Https, ASilentServerRunsIntoTheTlsTimeout) {
  NEEDS_OPENSSL;
  tcp_listener silent = listen_here();
  const std::string url = "https://" + silent.local_endpoint().to_string() + "/";
  http::client c(trusting().timeout(phase::tls, 20ms));
  const auto e = co_await caught<http::timeout_error>(c.get(url));
  EXPECT_TRUE(e && e->phase() == phase::tls);
  http::client other(trusting(client_of_root().handshake_timeout(20ms)));
  const auto own = co_await caught<http::timeout_error>(other.get(url));
  EXPECT_TRUE(own && own->phase() == phase::tls);
  EXPECT_EQ(c.open_connections() + other.open_connections(), 0U);
}

CONFORMANCE(Https, ABodyUntilCloseEndsWithCloseNotifyAlone) {
  NEEDS_OPENSSL;
  for (const bool politely : {true, false}) {
    co_await with_secure_peer(
        [politely](tls_tcp& s) -> task<> {
          co_await s.write_all(bytes_of("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"));
          if (politely)
            co_await s.shutdown_write();
          else
            co_await s.transport().shutdown_write();
          (void)co_await as_result(read_piece(s));
        },
        [politely](std::string origin) -> task<> {
          http::client c(trusting());
          http::response r = co_await c.get(origin + "/");
          if (politely) {
            EXPECT_EQ(co_await r.text(), "all of it");
            co_return;
          }
          const auto e = co_await caught<http::body_error>(r.text());
          EXPECT_TRUE(e && e->why() == http::body_error::reason::truncated);
        });
  }
}

namespace {

// HTTP/1.0, where the end of the connection ends the body.
task<> ask_for_the_broken() {
  http::server server;
  server.route("GET", "/broken", [](server_request&) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 1) throw std::system_error(std::make_error_code(std::errc::io_error));
          co_return "the beginning";
        }));
  });
  co_await with_secure_server(server, our_server(), [](std::string origin) -> task<> {
    const endpoint here = endpoint::parse(origin.substr(8));
    tls_tcp s = co_await tls_tcp::connect(co_await tcp_stream::connect(here),
                                          tls_context::client(client_of_root()), "127.0.0.1");
    co_await s.write_all(bytes_of("GET /broken HTTP/1.0\r\nHost: x\r\n\r\n"));
    std::string all;
    std::error_code end;
    for (;;) {
      const auto piece = co_await as_result(read_piece(s));
      end = piece.code();
      if (!piece.has_value() || piece.value().empty()) break;
      all += piece.value();
    }
    EXPECT_TRUE(all.ends_with("the beginning")) << all;
    EXPECT_EQ(end, net::tls_errc::truncated);
  });
}

}  // namespace

// A server whose source fails in the middle must not make the beginning look like the whole.
CONFORMANCE_RUNS(Https, AServerThatFailsInABodySaysNoGoodbye) {
  NEEDS_CERTIFICATES;
  int reported = 0;
  run_as(options_for(reactor).on_unhandled([&](const std::exception_ptr&) { ++reported; }),
         ask_for_the_broken());
  EXPECT_EQ(reported, 1);
}

CONFORMANCE(Https, AClientIsKnownByItsCertificate) {
  NEEDS_OPENSSL;
  http::server server;
  add_routes(server);
  const tls_context strict =
      tls_context::server(server_as("ip").client_ca_file(certificate_path("root.pem")));
  co_await with_secure_server(server, strict, [](std::string origin) -> task<> {
    http::client known(trusting(client_of_root().certificate_file(
        certificate_path("client-chain.pem"), certificate_path("client.key"))));
    EXPECT_EQ(co_await get_text(known, origin + "/hello"), "hello\n");
    http::client unknown(trusting());
    EXPECT_TRUE((co_await as_result(unknown.get(origin + "/hello"))).has_error());
  });
}

// In TLS 1.3 the client's handshake is over before the server has seen its certificate. What the
// server then says counts, whatever becomes of the request meanwhile.
CONFORMANCE(Https, AnAlertAfterTheHandshakeIsATlsErrorThatNamesIt) {
  NEEDS_OPENSSL;
  http::server server;
  add_routes(server);
  const tls_context strict =
      tls_context::server(server_as("ip").client_ca_file(certificate_path("root.pem")));
  co_await with_secure_server(server, strict, [&](std::string origin) -> task<> {
    struct refused {
      const char* certificate;
      const char* alert;
    };
    for (const refused& r : std::initializer_list<refused>{{"", "certificate required"},
                                                           {"clientexpired", "certificate expired"},
                                                           {"untrusted", "unknown CA"}})
      for (const std::size_t size : {0, 100, 4 << 20}) {
        tls_client_options tls = client_of_root();
        const std::string name = r.certificate;
        if (!name.empty())
          tls.certificate_file(certificate_path(name + "-chain.pem"),
                               certificate_path(name + ".key"));
        auto policies = http::standard_policies();
        http::client c(trusting(tls).policy(policies));
        http::request q(size == 0 ? "GET" : "PUT", origin + "/echo");
        if (size > 0) q.body(pattern(size));
        const auto e = co_await caught<http::error>(c.send(std::move(q)));
        EXPECT_TRUE(e);
        if (!e) continue;
        EXPECT_NE(std::string_view(e->what()).find(r.alert), std::string_view::npos)
            << e->what() << " size " << size;
        EXPECT_EQ(policies->counts().retries, 0U);
        EXPECT_EQ(c.open_connections(), 0U);
        const auto again = co_await caught<http::tls_error>(c.get(origin + "/hello"));
        EXPECT_TRUE(again && again->code() == net::tls_errc::alert);
      }
  });
}

// A redirect to another origin takes no certificate along.
CONFORMANCE(Https, ARedirectElsewhereDoesNotShowTheCertificate) {
  NEEDS_OPENSSL;
  http::server strict_server;
  add_routes(strict_server);
  http::server first;
  std::string elsewhere;
  first.route("GET", "/go", [&](server_request&) -> task<server_response> {
    co_return server_response(302).header("Location", elsewhere + "/hello");
  });
  const tls_context strict =
      tls_context::server(server_as("ip").client_ca_file(certificate_path("root.pem")));
  co_await with_secure_server(strict_server, strict, [&](std::string other) -> task<> {
    elsewhere = other;
    co_await with_secure_server(first, our_server(), [&](std::string origin) -> task<> {
      http::client known(trusting(client_of_root().certificate_file(
          certificate_path("client-chain.pem"), certificate_path("client.key"))));
      EXPECT_EQ(co_await get_text(known, other + "/hello"), "hello\n");
      EXPECT_TRUE((co_await as_result(known.get(origin + "/go"))).has_error());
    });
  });
}

CONFORMANCE(Https, RenewsItsCertificateWithoutDroppingAConnection) {
  NEEDS_OPENSSL;
  http::server server;
  add_routes(server);
  net::tls_reloadable tls(our_server());
  co_await with_secure_server(server, tls, [&](std::string origin) -> task<> {
    http::client c(trusting());
    EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
    tls.replace(tls_context::server(server_as("expired")));
    EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");  // the connection that it had
    http::client late(trusting());
    EXPECT_TRUE(co_await caught<http::tls_error>(late.get(origin + "/hello")));
  });
}

namespace {

// A body that the server sends back while it comes. It begins when the response has.
task<> send_and_hear_at_once(const http::client_options& options, std::string piece, int pieces) {
  const std::size_t size = piece.size() * static_cast<std::size_t>(pieces);
  co_await with_secure_peer(
      [size](tls_tcp& s) -> task<> {
        const std::string head =
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
        co_await s.write_all(bytes_of(head));
        std::vector<std::byte> room(16 * 1024);
        for (std::size_t done = 0; done < size;) {
          const std::size_t n = co_await s.read_some(room);
          if (n == 0) co_return;
          co_await s.write_all(std::span(room).first(n));
          done += n;
        }
        (void)co_await as_result(read_piece(s));
      },
      [&](std::string origin) -> task<> {
        http::client c(options);
        event begun;
        auto body = http::make_body([&, n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == pieces) co_return std::nullopt;
          co_await begun.wait();
          co_return piece;
        });
        std::size_t got = 0;
        co_await c.send(http::request("PUT", origin + "/").body(std::move(body), size),
                        [&](http::response& r) -> task<> {
                          begun.set();
                          for (std::size_t n = 1; n > 0; got += n)
                            n = (co_await r.next_chunk()).size();
                        });
        EXPECT_EQ(got, size);
        EXPECT_EQ(c.idle_connections(), 1U);
      });
}

}  // namespace

CONFORMANCE(Https, MovesMoreBothWaysAtOnceThanAllBuffersHold) {
  NEEDS_OPENSSL;
  co_await send_and_hear_at_once(trusting(), pattern(64 * 1024), 200);
}

CONFORMANCE_RUNS(HttpsCancelEveryWait, BothWaysAtOnce) {
  NEEDS_CERTIFICATES;
  const http::client_options options = trusting(client_of_root().resumption(false));
  const auto n = cancel_at_every_wait(
      reactor, [&]() -> task<> { co_await send_and_hear_at_once(options, "piece", 2); });
  EXPECT_GE(n.at_rest, 8U);
}

CONFORMANCE_RUNS(HttpsCancelEveryWait, AnExchange) {
  NEEDS_CERTIFICATES;
  const tls_context server_context = our_server();
  const http::client_options options = trusting(client_of_root().resumption(false));
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    http::server server;
    add_routes(server);
    co_await with_secure_server(server, server_context, [&](std::string origin) -> task<> {
      http::client c(options);
      EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
    });
  });
  EXPECT_GE(n.at_rest, 5U);
}

// On one connection for each: files, both ways at once, events, and a stop while events are heard.
CONFORMANCE_RUNS(HttpsCancelEveryWait, WhatAServerServes) {
  NEEDS_CERTIFICATES;
  const temporary_folder folder;
  folder.write("large", pattern(served_file_size));
  const tls_context server_context = our_server();
  const http::client_options options = trusting(client_of_root().resumption(false));
  for (const exchange e : {get_a_file, stream_both_ways, hear_events, stop_it}) {
    const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
      http::stop_handle stop;
      http::server server;
      add_served_routes(server, folder.path(), [&] { stop.stop(); });
      tcp_listener listener = listen_here();
      const std::string origin = "https://" + listener.local_endpoint().to_string();
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&] { return server.serve(std::move(listener), server_context, stop); });
        EXPECT_EQ(co_await e(http::client(options), origin), answer::right);
        stop.stop();
      });
    });
    EXPECT_GE(n.at_rest, 6U);
  }
}

CONFORMANCE(Https, AClientThatNeverReadsHoldsItsPlaceNoLongerThanTheLimit) {
  NEEDS_OPENSSL;
  http::server server(http::server_options().write_timeout(100ms).max_connections(1));
  add_routes(server);
  server.route("GET", "/much", [](server_request&) -> task<server_response> {
    co_return server_response::bytes(std::string(16 << 20, 'x'));
  });
  co_await with_secure_server(server, our_server(), [](std::string origin) -> task<> {
    const endpoint here = endpoint::parse(origin.substr(origin.find("//") + 2));
    tcp_stream tcp = co_await tcp_stream::connect(here);
    tls_tcp silent = co_await tls_tcp::connect(std::move(tcp),
                                               tls_context::client(client_of_root()), "127.0.0.1");
    co_await silent.write_all(net::bytes_of("GET /much HTTP/1.1\r\nHost: a\r\n\r\n"));
    http::client c(trusting());
    EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
  });
}
