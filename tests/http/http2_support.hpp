// A client of HTTP/2 made of a session and its two tasks, for tests of servers: nothing of Rondo's
// client is in it.
#pragma once

#include "http/http_support.hpp"

#include <rondo/http/http2/connection.hpp>

#include <memory>
#include <string>
#include <utility>

namespace rondo_test {

namespace http2 = rondo::http::detail;

inline http2::http2_settings h2_client_settings() {
  http2::http2_settings s;
  s.stream_window = 2 * 1024 * 1024;
  s.connection_window = 16 * 1024 * 1024;
  s.buffered = std::size_t{32} << 20;
  return s;
}

inline http2::http2_head h2_request(std::string method, std::string path,
                                    http::headers fields = {}) {
  http2::http2_head h;
  h.method = std::move(method);
  h.scheme = "http";
  h.authority = "a";
  h.path = std::move(path);
  h.fields = std::move(fields);
  return h;
}

// Asks for a protocol (RFC 8441); with the fields of a WebSocket beside `fields`.
inline http2::http2_head h2_connect(std::string path, http::headers fields = {},
                                    std::string protocol = "websocket") {
  http2::http2_head h = h2_request("CONNECT", std::move(path), std::move(fields));
  h.fields.add("sec-websocket-version", "13");
  h.protocol = std::move(protocol);
  return h;
}

struct h2_answer {
  int status = 0;
  http::headers fields;
  std::string body;
  http::headers trailers;
  bool whole = false;  // END_STREAM came
  http2::http2_code code = http2::http2_code::no_error;
};

class h2_client {
 public:
  explicit h2_client(http2::transport stream,
                     const http2::http2_settings& settings = h2_client_settings())
      : stream_(std::move(stream)), connection_(http2::http2_role::client, stream_, settings) {}

  http2::http2_session& session() { return connection_.session(); }
  http2::transport& stream() { return stream_; }
  void start(rondo::task_group& g) {
    g.spawn(connection_.write());
    g.spawn([this]() -> rondo::task<> {
      while (co_await connection_.read_some()) {
      }
    });
  }

  // Sends all of `bytes`, unless the stream ends before.
  static rondo::task<> send(http2::http2_stream& s, std::string_view bytes) {
    while (!bytes.empty() && !s.closed()) {
      s.outgoing.clear();
      const std::size_t n = s.write(std::as_bytes(std::span(bytes)));
      bytes.remove_prefix(n);
      if (n == 0 && !s.closed()) co_await s.outgoing.wait();
    }
  }
  static rondo::task<> until_head(http2::http2_stream& s) {
    while (!s.head_came() && !s.closed()) {
      s.incoming.clear();
      co_await s.incoming.wait();
    }
  }
  static rondo::task<h2_answer> answer_of(http2::http2_stream& s) {
    h2_answer a;
    for (;;) {
      s.incoming.clear();
      a.body += s.take_body();
      if (s.in_ended() || s.closed()) break;
      co_await s.incoming.wait();
    }
    a.status = s.head().status;
    a.fields = s.head().fields;
    a.trailers = s.trailers();
    a.whole = s.in_ended();
    a.code = s.code();
    co_return a;
  }
  static rondo::task<> until_closed(http2::http2_stream& s) {
    while (!s.closed()) {
      s.incoming.clear();
      co_await s.incoming.wait();
    }
  }
  rondo::task<> until_free() {
    while (session().places() > 0) {
      session().changed.clear();
      co_await session().changed.wait();
    }
  }
  rondo::task<> until_lost() {
    while (!session().is_lost()) {
      session().changed.clear();
      co_await session().changed.wait();
    }
  }
  rondo::task<h2_answer> ask(http2::http2_head head, std::string body = {}) {
    http2::http2_stream_ref s = session().open(head, body.empty());
    if (!body.empty()) {
      co_await send(*s, body);
      s->end();
    }
    co_return co_await answer_of(*s);
  }
  rondo::task<h2_answer> get(std::string path) { return ask(h2_request("GET", std::move(path))); }

 private:
  http2::transport stream_;
  http2::plain_http2_connection connection_;
};

// Runs body(client) on a connection of HTTP/2 to `here`.
template <class Body>
rondo::task<> with_h2_client(endpoint here, Body body,
                             const http2::http2_settings& settings = h2_client_settings()) {
  auto client = std::make_unique<h2_client>(
      http2::transport(http2::plain_stream(co_await tcp_stream::connect(here))), settings);
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    client->start(g);
    co_await body(*client);
    g.cancel();
  });
}

// The same beside the server, which is cancelled at the end.
template <class Body>
rondo::task<> with_h2(http::server& server, Body body,
                      const http2::http2_settings& settings = h2_client_settings()) {
  co_await with_server(server, [&](const std::string&, endpoint here) -> rondo::task<> {
    co_await with_h2_client(here, body, settings);
  });
}

}  // namespace rondo_test
