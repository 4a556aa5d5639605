// How a connection that leaves HTTP ends when it is cancelled in the moment in which it leaves, and
// when what it has become throws: plain, over TLS, and over HTTP/2.
#include "http/http_support.hpp"
#include "http/throwing_websocket.hpp"
#include "net/tls_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/server/serving.hpp>
#include <rondo/runtime/as_result.hpp>

#ifdef RONDO_HAVE_HTTP2
#include "http/http2_support.hpp"
#endif

#include <functional>
#include <optional>
#include <stdexcept>

namespace http_upgrade_ends {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using http::upgraded_stream;
using http::detail::open_connection;

namespace {

std::string ask(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
}

// What a client has heard.
struct heard {
  std::string text;
  bool in_order = false;  // it ended, and not with an error

  bool has_switched() const {
    return text.find("HTTP/1.1 101 ") != std::string::npos && text.ends_with("\r\n\r\n");
  }
};

// What a client says to what it has heard, once: bytes, or none to end its own side.
using reply = std::function<std::optional<std::string>(const heard&)>;

// Ends its own side once the protocol has changed, if `leaves()`.
reply leaves_if(std::function<bool()> leaves) {
  return [leaves = std::move(leaves)](const heard& h) -> std::optional<std::string> {
    if (h.has_switched() && leaves()) return std::string();
    return std::nullopt;
  };
}

// Says these bytes, hears until the end, and replies on the way.
template <class Stream>
task<heard> converse(Stream& s, std::string bytes, reply replies) {
  heard h;
  if ((co_await as_result(s.write_all(net::bytes_of(bytes)))).has_error()) co_return h;
  std::array<std::byte, 4096> room{};
  for (bool said = false;;) {
    const auto n = co_await as_result(s.read_some(room));
    h.in_order = n.has_value();
    if (!h.in_order || n.value() == 0) co_return h;
    h.text.append(reinterpret_cast<const char*>(room.data()), n.value());
    const std::optional<std::string> answer = said ? std::nullopt : replies(h);
    if (!answer) continue;
    said = true;
    if (answer->empty())
      (void)co_await as_result(rondo::detail::to_task(s.shutdown_write()));
    else
      (void)co_await as_result(s.write_all(net::bytes_of(*answer)));
  }
}

enum class layer { plain, tls };

task<heard> converse_over(layer l, endpoint here, std::string bytes, reply replies) {
  tcp_stream tcp = co_await tcp_stream::connect(here);
  if (l == layer::plain) co_return co_await converse(tcp, std::move(bytes), std::move(replies));
  auto secure = co_await as_result(
      tls_tcp::connect(std::move(tcp), tls_context::client(client_of_root()), "127.0.0.1"));
  if (!secure.has_value()) co_return heard();
  tls_tcp s = std::move(secure).value();
  co_return co_await converse(s, std::move(bytes), std::move(replies));
}

task<> serve_over(layer l, http::server& server, tcp_listener listener, http::stop_handle stop) {
  if (l == layer::plain) return server.serve(std::move(listener), std::move(stop));
  return server.serve(std::move(listener), tls_context::server(server_as("ip")), std::move(stop));
}

// Before the n-th step of a connection's task, while it speaks HTTP and afterwards: cancel(it).
class before_a_step final : public loop_watch {
 public:
  before_a_step(std::size_t n, std::function<void(open_connection&)> cancel)
      : n_(n), cancel_(std::move(cancel)) {}

  void before_step(rondo::detail::job& j) noexcept override {
    const auto* record = dynamic_cast<const rondo::detail::child_record*>(j.owner());
    const auto* c = record ? dynamic_cast<const open_connection*>(record->namer()) : nullptr;
    if (c != nullptr && seen_++ == n_) cancel_(const_cast<open_connection&>(*c));
  }
  bool has_cancelled() const noexcept { return seen_ > n_; }

 private:
  std::size_t n_;
  std::size_t seen_ = 0;
  std::function<void(open_connection&)> cancel_;
};

// The connection alone, as a stop does when its grace is over, or the server with all it has.
enum class cancelled { connection, server };

std::function<void(open_connection&)> canceller(cancelled what, cancel_scope& server) {
  return [what, &server](open_connection& c) {
    if (what == cancelled::connection)
      c.cancel();
    else
      server.cancel();
  };
}

// What a client hears of this server, which is stopped then. It runs in a scope that may be
// cancelled before step `n`.
task<heard> hear_of(http::server& server, tcp_listener listener, layer l, cancel_scope& scope,
                    std::size_t n, std::string bytes, reply replies) {
  heard client;
  http::stop_handle stop;
  const endpoint here = listener.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      (void)co_await scope.run(serve_over(l, server, std::move(listener), stop));
    });
    std::optional<heard> h =
        co_await try_for(10s, converse_over(l, here, std::move(bytes), std::move(replies)));
    EXPECT_TRUE(h) << "a connection goes on that was cancelled before step " << n;
    if (h) client = *std::move(h);
    stop.stop();
  });
  co_return client;
}

struct end_of_one {
  bool was_cancelled = false;
  bool on_leaving = false;  // and HTTP had ended then, but the protocol had no task yet
  bool has_begun = false;   // the protocol's task
  bool has_ended = false;   // by itself
  heard client;
};

task<> hear_until_the_end(upgraded_stream s, end_of_one& e) {
  e.has_begun = true;
  std::array<std::byte, 64> room{};
  while (co_await s.read_some(room) > 0) {
  }
  e.has_ended = true;
}

end_of_one cancel_before_step(const run_options& options, layer l, cancelled what, std::size_t n) {
  end_of_one e;
  cancel_scope scope;
  before_a_step watch(n, canceller(what, scope));
  run_with(options, watch, [&]() -> task<> {
    http::server server;
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::text(std::string(60'000, 'x'));
    });
    server.route("GET", "/other", [&](server_request&) -> task<server_response> {
      co_return server_response::upgrade("other", [&](upgraded_stream s) {
        e.on_leaving = rondo::detail::current_job().must_stop();
        return hear_until_the_end(std::move(s), e);
      });
    });
    tcp_listener listener = listen_here();
    // With an answer that is still held it does not fit: so the 101 is waited for.
    listener.set(net::options::send_buffer(16 * 1024));
    e.client = co_await hear_of(server, std::move(listener), l, scope, n,
                                "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + ask("/other"),
                                leaves_if([&] { return !watch.has_cancelled(); }));
  });
  e.was_cancelled = watch.has_cancelled();
  return e;
}

// How many of the cancellations came in the moment that this is about.
int cancel_before_every_step(const run_options& options, layer l, cancelled what) {
  int on_leaving = 0;
  for (std::size_t n = 0;; ++n) {
    const end_of_one e = cancel_before_step(options, l, what, n);
    if (testing::Test::HasFailure()) return on_leaving;
    if (!e.was_cancelled) {
      EXPECT_TRUE(e.has_ended && e.client.has_switched() && e.client.in_order);
      return on_leaving;
    }
    on_leaving += e.on_leaving ? 1 : 0;
    EXPECT_FALSE(e.on_leaving && e.has_begun) << "step " << n;
    if (l == layer::tls) EXPECT_EQ(e.client.in_order, e.has_ended) << "step " << n;
  }
}

void cancel_before_every_step(reactor_kind reactor, layer l) {
  for (const cancelled what : {cancelled::connection, cancelled::server}) {
    int on_leaving = 0;
    // In the simulation the seed draws whether the 101 is waited for.
    const std::uint64_t seeds = reactor == reactor_kind::simulated ? 10 : 1;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
      on_leaving += cancel_before_every_step(options_for(reactor).seed(seed), l, what);
    EXPECT_GE(on_leaving, 1);
  }
}

}  // namespace

CONFORMANCE_RUNS(UpgradeEnds, WhoIsCancelledWhileItLeavesHttpBeginsNothingElse) {
  cancel_before_every_step(reactor, layer::plain);
}

CONFORMANCE_RUNS(UpgradeEnds, WhoIsCancelledWhileItLeavesHttpTakesNoLeaveOverTls) {
  NEEDS_CERTIFICATES;
  cancel_before_every_step(reactor, layer::tls);
}

namespace {

// RFC 6455, section 7.4.1: a normal closure, and one of a server that goes down.
constexpr std::string_view close_1000 = "\x88\x02\x03\xe8";
constexpr std::string_view close_1001 = "\x88\x02\x03\xe9";
// Masked with zeros (RFC 6455, section 5.3).
constexpr std::string_view close_1000_of_a_client{"\x88\x82\0\0\0\0\x03\xe8", 8};

struct end_of_websocket {
  bool was_cancelled = false;
  bool on_closing = false;  // and the handler had returned
  heard client;
};

// Its handler returns at once, so the server closes; the client answers that.
end_of_websocket cancel_closing_before_step(const run_options& options, layer l, cancelled what,
                                            std::size_t n) {
  end_of_websocket e;
  bool returned = false;
  cancel_scope scope;
  const auto cancel = canceller(what, scope);
  before_a_step watch(n, [&](open_connection& c) {
    e.on_closing = returned;
    cancel(c);
  });
  run_with(options, watch, [&]() -> task<> {
    http::server server;
    server.websocket("/", [&returned](http::websocket&) -> task<> {
      co_await yield_now();
      returned = true;
    });
    const auto answer_close = [](const heard& so_far) -> std::optional<std::string> {
      if (so_far.text.ends_with(close_1000)) return std::string(close_1000_of_a_client);
      return std::nullopt;
    };
    e.client = co_await hear_of(
        server, listen_here(), l, scope, n,
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        answer_close);
  });
  e.was_cancelled = watch.has_cancelled();
  return e;
}

void cancel_closing_before_every_step(reactor_kind reactor, layer l) {
  for (const cancelled what : {cancelled::connection, cancelled::server}) {
    int on_closing = 0;
    for (std::size_t n = 0;; ++n) {
      const end_of_websocket e = cancel_closing_before_step(options_for(reactor), l, what, n);
      if (testing::Test::HasFailure()) return;
      if (!e.was_cancelled) {
        EXPECT_TRUE(e.client.text.ends_with(close_1000) && e.client.in_order);
        break;
      }
      on_closing += e.on_closing ? 1 : 0;
      // Over TLS a WebSocket that was cut off is no end in order.
      const bool begun = e.client.text.find("HTTP/1.1 101 ") != std::string::npos;
      const bool closed =
          e.client.text.ends_with(close_1000) || e.client.text.ends_with(close_1001);
      if (l == layer::tls && e.client.in_order) EXPECT_EQ(closed, begun) << "step " << n;
    }
    EXPECT_GE(on_closing, 2);  // before the close frame is sent, and while its answer is waited for
  }
}

}  // namespace

CONFORMANCE_RUNS(UpgradeEnds, AWebsocketCancelledWhileItsServerClosesItEnds) {
  cancel_closing_before_every_step(reactor, layer::plain);
}

CONFORMANCE_RUNS(UpgradeEnds, AWebsocketCancelledWhileItsServerClosesItEndsOverTls) {
  NEEDS_CERTIFICATES;
  cancel_closing_before_every_step(reactor, layer::tls);
}

namespace {

// /before and /later throw before there is an answer; /call, /first and /last when it was 101.
void add_throwing_routes(http::server& s, const std::string& protocol) {
  s.route("GET", "/before", [](server_request&) -> task<server_response> {
    throw std::runtime_error("at the call");
  });
  s.route("GET", "/later", [](server_request&) -> task<server_response> {
    co_await yield_now();
    throw std::runtime_error("after a wait");
  });
  s.route("GET", "/call", [protocol](server_request&) -> task<server_response> {
    co_return server_response::upgrade(
        protocol, [](upgraded_stream) -> task<> { throw std::runtime_error("at the call"); });
  });
  s.route("GET", "/first", [protocol](server_request&) -> task<server_response> {
    co_return server_response::upgrade(protocol, [](upgraded_stream) -> task<> {
      throw std::runtime_error("before a wait");
      co_return;
    });
  });
  s.route("GET", "/last", [protocol](server_request&) -> task<server_response> {
    co_return server_response::upgrade(protocol, [](upgraded_stream s) -> task<> {
      std::array<std::byte, 64> room{};
      (void)co_await s.read_some(room);
      throw std::runtime_error("after a wait");
    });
  });
}

// What is thrown is counted, and fails nothing.
run_options counting(reactor_kind reactor, int& reported) {
  run_options o = options_for(reactor);
  o.on_unhandled([&reported](const std::exception_ptr&) { ++reported; });
  return o;
}

void throw_everywhere(reactor_kind reactor, layer l) {
  int reported = 0;
  run_as(counting(reactor, reported), [&]() -> task<> {
    http::server server;
    add_throwing_routes(server, "other");
    http::stop_handle stop;
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return serve_over(l, server, std::move(listener), stop); });
      for (const char* path : {"/before", "/later"}) {
        const std::string asks = ask(path);
        const heard h = co_await converse_over(
            l, here, asks + "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            leaves_if([] { return false; }));
        EXPECT_EQ(first_line(h.text), "HTTP/1.1 500 Internal Server Error") << path;
        EXPECT_EQ(count_of(h.text, "HTTP/1.1 404 "), 1U) << path << ": it goes on with HTTP";
        EXPECT_TRUE(h.in_order) << path;
      }
      for (const char* path : {"/call", "/first", "/last"}) {
        const bool leaves = std::string_view(path) == "/last";
        const heard h =
            co_await converse_over(l, here, ask(path), leaves_if([leaves] { return leaves; }));
        EXPECT_TRUE(h.has_switched()) << path;
        EXPECT_EQ(h.in_order, l == layer::plain) << path;
      }
      stop.stop();
    });
  });
  EXPECT_EQ(reported, 5);
}

}  // namespace

CONFORMANCE_RUNS(UpgradeEnds, WhatIsThrownBeforeTheAnswerIs500AndAfterItTheEnd) {
  throw_everywhere(reactor, layer::plain);
}

CONFORMANCE_RUNS(UpgradeEnds, WhatIsThrownAfterTheAnswerEndsTlsWithoutCloseNotify) {
  NEEDS_CERTIFICATES;
  throw_everywhere(reactor, layer::tls);
}

#ifdef RONDO_HAVE_HTTP2
CONFORMANCE_RUNS(UpgradeEnds, WhatIsThrownAfterTheAnswerResetsAStreamOfHttp2) {
  int reported = 0;
  run_as(counting(reactor, reported), [&]() -> task<> {
    http::server server;
    add_throwing_routes(server, "websocket");
    co_await with_h2(server, [](h2_client& c) -> task<> {
      for (const char* path : {"/before", "/later"}) {
        http2::http2_stream_ref s = c.session().open(h2_connect(path), false);
        EXPECT_EQ((co_await h2_client::answer_of(*s)).status, 500) << path;
      }
      for (const char* path : {"/call", "/first", "/last"}) {
        http2::http2_stream_ref s = c.session().open(h2_connect(path), false);
        co_await h2_client::send(*s, "word");
        const h2_answer a = co_await h2_client::answer_of(*s);
        EXPECT_FALSE(a.whole) << path;
        EXPECT_EQ(a.code, http2::http2_code::cancel) << path;
      }
    });
  });
  EXPECT_EQ(reported, 5);
}
#endif

CONFORMANCE_RUNS(UpgradeEnds, AWebsocketWhoseHandlerThrowsSays1011OverTls) {
  NEEDS_CERTIFICATES;
  expect_1011_of_who_throws(
      reactor, http::client_options().tls(tls_context::client(client_of_root().alpn({"http/1.1"}))),
      tls_context::server(server_as("ip")));
}

#ifdef RONDO_HAVE_HTTP2
CONFORMANCE_RUNS(UpgradeEnds, AWebsocketWhoseHandlerThrowsSays1011OverTlsAndHttp2) {
  NEEDS_CERTIFICATES;
  expect_1011_of_who_throws(reactor,
                            http::client_options()
                                .tls(tls_context::client(client_of_root()))
                                .http2(http::http2::prior_knowledge),
                            tls_context::server(server_as("ip").alpn({"h2", "http/1.1"})));
}
#endif

}  // namespace http_upgrade_ends
