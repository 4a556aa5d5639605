// A server of HTTP/2 in clear that is the session itself, so that a test can do what no server of
// ours would: a handler for each stream, and the session at hand.
//
//   co_await with_http2_peer(
//       [](http2_peer& p, http2_stream_ref s) -> task<> { co_await answer(*s, 200, "hello"); },
//       [](std::string at) -> task<> { … http::client c(over_http2()); … });
#pragma once

#include "http/http_support.hpp"

#include <rondo/http/http2/session.hpp>
#include <rondo/runtime.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo_test {

using rondo::http::detail::http2_code;
using rondo::http::detail::http2_head;
using rondo::http::detail::http2_role;
using rondo::http::detail::http2_session;
using rondo::http::detail::http2_settings;
using rondo::http::detail::http2_stream;
using rondo::http::detail::http2_stream_ref;

inline http::client_options over_http2() {
  return http::client_options().http2(http::http2::prior_knowledge);
}

// One connection.
struct http2_peer {
  http2_peer(int n, const http2_settings& settings)
      : number(n), session(http2_role::server, settings) {}

  int number;  // of the connection, from 0
  http2_session session;
  int streams = 0;
};

// A response, with a body as long as the windows allow.
inline rondo::task<> answer(http2_stream& s, int status, std::string body,
                            http::headers fields = {}, http::headers trailers = {}) {
  http2_head h;
  h.status = status;
  h.fields = std::move(fields);
  s.send_head(h, body.empty() && trailers.empty());
  std::string_view left = body;
  while (!left.empty() && !s.closed()) {
    const std::size_t n = s.write(rondo::net::bytes_of(left));
    left.remove_prefix(n);
    if (n > 0) continue;
    s.outgoing.clear();
    co_await s.outgoing.wait();
  }
  if (!s.closed() && !s.out_ended()) s.end(std::move(trailers));
}

// The request's body, to its end or the stream's.
inline rondo::task<std::string> body_of(http2_stream& s) {
  std::string all;
  for (;;) {
    all += s.take_body();
    if (s.in_ended() || s.closed()) co_return all;
    s.incoming.clear();
    co_await s.incoming.wait();
  }
}

inline rondo::task<> until_closed(http2_stream& s) {
  while (!s.closed()) {
    s.incoming.clear();
    co_await s.incoming.wait();
  }
}

// Writes what the session says, until it has nothing more to say, ever.
template <class Stream>
rondo::task<> write_for(http2_session& session, Stream& s) {
  for (;;) {
    session.output.clear();
    const auto bytes = session.unsent();
    if (bytes.empty()) {
      if (session.finished()) co_return;
      co_await session.output.wait();
      continue;
    }
    session.sent(co_await s.write_some(bytes));
  }
}

template <class Stream, class Handler>
rondo::task<> serve_http2(Stream& s, int n, Handler handler, http2_settings settings = {}) {
  http2_peer p(n, settings);
  const auto ended =
      co_await rondo::as_result(rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
        g.spawn([&]() -> rondo::task<> {
          static_cast<void>(co_await rondo::as_result(write_for(p.session, s)));
          g.cancel();
        });
        std::vector<std::byte> buffer(16 * 1024);
        while (const std::size_t got = co_await s.read_some(buffer)) {
          p.session.receive(std::span(buffer).first(got), rondo::this_loop().now());
          while (http2_stream_ref stream = p.session.accept()) {
            ++p.streams;
            g.spawn(handler(p, std::move(stream)));
          }
        }
        g.cancel();
      }));
  p.session.lose();
  static_cast<void>(ended);  // the client has gone, one way or another
}

template <class Handler, class Body>
rondo::task<> with_http2_peer(Handler handler, Body body, http2_settings settings = {}) {
  co_await with_peer(
      [handler, settings](tcp_stream& s, int n) -> rondo::task<> {
        co_await serve_http2(s, n, handler, settings);
      },
      body);
}

}  // namespace rondo_test
