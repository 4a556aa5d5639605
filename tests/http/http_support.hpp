// What the tests of the client and the server share: a server beside the test, and peers that speak
// raw bytes. In a case of EVERY_VERSION that runs over HTTP/2, the bytes are said in its frames
// (over_http2.cpp).
#pragma once

#include "net/net_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

namespace rondo_test {

namespace http = rondo::http;

inline std::string origin_of(const endpoint& e) { return "http://" + e.to_string(); }

// For a client that speaks the version of the case.
inline http::client_options spoken() {
  http::client_options o;
  if (speaks_http2()) o.http2(http::http2::prior_knowledge);
  return o;
}

// What is left of an exchange that failed or was given up: a connection of HTTP/1.1 is closed, one
// of HTTP/2 has lost a stream, and goes on.
inline rondo::task<> expect_given_up(http::client& c) {
  while (speaks_http2() && c.idle_connections() < c.open_connections()) co_await rondo::yield_now();
  if (!speaks_http2()) EXPECT_EQ(c.open_connections(), 0U);
}

// "X-Name: value" as it comes over the version of the case: names of HTTP/2 are in lower case.
inline std::string as_sent(std::string line) {
  for (char& c : line) {
    if (!speaks_http2() || c == ':') break;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return line;
}

// Asks with what these requests mean, one after another on one connection, and writes each answer
// as HTTP/1.1 would. They must be good ones.
rondo::task<std::string> ask_over_http2(rondo::net::any_stream to, std::string requests);
// Gives each request on this connection the answer that is meant by what reply(head) returns for
// its head. One that is cut short stays so.
rondo::task<> answer_over_http2(tcp_stream& s, std::function<std::string(std::string)> reply);

// A whole answer, after which the connection can be used again.
inline const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Runs body(origin, endpoint) beside the server, which is cancelled when the body has ended.
template <class Body>
rondo::task<> with_server(http::server& server, Body body) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    g.spawn([&] { return server.serve(std::move(listener)); });
    co_await body(origin_of(here), here);
    g.cancel();
  });
}

// The same beside a peer that speaks raw bytes: peer(stream, n) for the n-th connection, from 0.
template <class Peer, class Body>
rondo::task<> with_peer(Peer peer, Body body) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  int connections = 0;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    auto handler = [&](tcp_stream s) -> rondo::task<> { co_await peer(s, connections++); };
    g.spawn([&, handler] { return rondo::net::serve(std::move(listener), handler); });
    co_await body(origin_of(here));
    g.cancel();
  });
}

// A request's head, with the empty line; "" when the client has closed before it.
inline rondo::task<std::string> read_head(rondo::net::buffered_reader<tcp_stream>& in) {
  try {
    co_return std::string(co_await in.read_until("\r\n\r\n", 100'000));
  } catch (const rondo::net::unexpected_end&) {
    co_return "";
  }
}

// Until the other side closes, or resets.
inline rondo::task<> until_closed(tcp_stream& s) {
  std::vector<std::byte> rest(4096);
  for (;;) {
    const auto n = co_await rondo::as_result(s.read_some(rest));
    if (!n.has_value() || n.value() == 0) co_return;
  }
}

// Answers the first request of a connection with exactly these bytes and half-closes, or leaves it
// open.
enum class then { half_close, stay_open };
struct answering_peer {
  std::string reply;
  then after;

  rondo::task<> operator()(tcp_stream& s, int) const {
    if (speaks_http2())
      co_return co_await answer_over_http2(s, [this](const std::string&) { return reply; });
    rondo::net::buffered_reader in(s);
    co_await read_head(in);
    co_await write_text(s, reply);
    if (after == then::half_close) co_await s.shutdown_write();
    co_await until_closed(s);
  }
};
inline answering_peer answers(std::string reply, then after = then::half_close) {
  return {std::move(reply), after};
}

// The E that a task throws; nothing when it throws none. Other exceptions pass.
template <class E, class T>
rondo::task<std::optional<E>> caught(rondo::task<T> t) {
  try {
    co_await std::move(t);
  } catch (const E& e) {
    co_return e;
  }
  co_return std::nullopt;
}

inline rondo::task<std::string> get_text(http::client& c, std::string url) {
  http::response r = co_await c.get(std::move(url));
  co_return co_await r.text();
}

// What comes back for exactly these bytes until the server closes; the client's half is closed
// after them.
inline rondo::task<std::string> exchange_bytes(endpoint to, std::string bytes) {
  tcp_stream s = co_await tcp_stream::connect(to);
  if (speaks_http2())
    co_return co_await ask_over_http2(rondo::net::any_stream(std::move(s)), std::move(bytes));
  co_await write_text(s, bytes);
  co_await s.shutdown_write();
  co_return co_await read_text(s);
}

// The value of the first line.
inline std::string first_line(const std::string& text) { return text.substr(0, text.find("\r\n")); }

inline std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size()))
    ++n;
  return n;
}

// A body of `pieces` times `piece`, which counts what was taken from it.
inline std::unique_ptr<http::body_source> counted_body(std::string piece, int pieces, int& taken) {
  return http::make_body(
      [piece = std::move(piece), pieces, &taken]() -> rondo::task<std::optional<std::string>> {
        if (taken == pieces) co_return std::nullopt;
        ++taken;
        co_return piece;
      });
}

}  // namespace rondo_test
