// What the tests of WebSockets share: both sides of one connection, without the handshake that led
// there, over whatever carries it; and messages that are told apart.
#pragma once

#include <rondo/http.hpp>
#include <rondo/net.hpp>

#include <memory>
#include <string>
#include <utility>

namespace rondo_test {

inline rondo::http::websocket websocket_over(rondo::http::detail::side s,
                                             rondo::http::detail::transport stream,
                                             const rondo::http::websocket_options& o) {
  auto c = std::make_unique<rondo::http::detail::websocket_connection>(s, std::move(stream),
                                                                       std::string(), o);
  if (o.compress_ && rondo::http::detail::has_deflate())  // as a handshake would agree on it
    c->set_deflate({.send_takeover = o.context_, .receive_takeover = o.context_});
  return rondo::http::websocket(std::move(c));
}

struct both_ends {
  rondo::http::websocket client;
  rondo::http::websocket server;
};

inline both_ends ends_over(rondo::http::detail::transport client,
                           rondo::http::detail::transport server,
                           const rondo::http::websocket_options& o) {
  return {websocket_over(rondo::http::detail::side::client, std::move(client), o),
          websocket_over(rondo::http::detail::side::server, std::move(server), o)};
}

inline rondo::task<std::pair<rondo::net::tcp_stream, rondo::net::tcp_stream>> tcp_ends() {
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse("127.0.0.1:0"));
  auto near = co_await rondo::net::tcp_stream::connect(listener.local_endpoint());
  auto far = co_await listener.accept();
  co_return std::pair(std::move(near), std::move(far));
}

inline rondo::task<both_ends> connected(rondo::http::websocket_options o = {}) {
  auto [near, far] = co_await tcp_ends();
  co_return ends_over(rondo::http::detail::plain_stream(std::move(near)),
                      rondo::http::detail::plain_stream(std::move(far)), o);
}

// A server whose peer speaks bytes.
struct one_end {
  rondo::net::tcp_stream raw;
  rondo::http::websocket server;
};
inline rondo::task<one_end> half_connected(rondo::http::websocket_options o = {}) {
  auto [near, far] = co_await tcp_ends();
  co_return one_end{std::move(near),
                    websocket_over(rondo::http::detail::side::server,
                                   rondo::http::detail::plain_stream(std::move(far)), o)};
}

inline rondo::task<> echo_messages(rondo::http::websocket& ws) {
  while (const auto m = co_await ws.receive()) co_await ws.send(*m);
}

// Of a size, beginning with its number.
inline std::string numbered(int n, std::size_t size) {
  std::string text = std::to_string(n) + ' ';
  text.resize(std::max(size, text.size()), 'x');
  return text;
}
inline int number_of(const rondo::http::websocket_message& m) { return std::stoi(m.data); }

// What `t` throws of a WebSocket: its code; 0 when it throws nothing.
template <class T>
rondo::task<int> code_thrown(rondo::task<T> t) {
  try {
    (void)co_await std::move(t);
  } catch (const rondo::http::websocket_error& e) {
    co_return e.code();
  }
  co_return 0;
}

// Numbered messages through one WebSocket, for tests that cancel where they like: each side knows
// what it has sent for certain, what it may have sent, and what came.
class numbered_traffic {
 public:
  // From this side; `size` of them. The certain ones are those whose send() completed.
  rondo::task<> send(rondo::http::websocket& ws, std::size_t size) {
    const std::string text = numbered(++last_, size);
    begun_ = last_;
    co_await ws.send(text);
    sent_.push_back(begun_);
  }
  rondo::task<> send_in_pieces(rondo::http::websocket& ws, std::size_t size) {
    const std::string text = numbered(++last_, size);
    auto w = co_await ws.begin_text();
    co_await w.write(std::string_view(text).substr(0, size / 2));
    co_await w.write(std::string_view(text).substr(size / 2));
    co_await w.end();
    sent_.push_back(last_);
  }
  void came(const rondo::http::websocket_message& m) {
    came_.push_back(number_of(m));
    if (m.data != numbered(came_.back(), m.data.size())) intact_ = false;
  }

  // In the order of sending, none twice, none of which a piece is missing.
  bool in_order() const {
    return std::ranges::is_sorted(came_) && std::ranges::adjacent_find(came_) == came_.end();
  }
  bool intact() const noexcept { return intact_; }
  // Each that was sent for certain came.
  bool complete() const { return std::ranges::includes(came_, sent_); }
  const std::vector<int>& sent() const noexcept { return sent_; }
  const std::vector<int>& all_that_came() const noexcept { return came_; }

 private:
  int last_ = 0;
  int begun_ = 0;
  bool intact_ = true;
  std::vector<int> sent_, came_;
};

}  // namespace rondo_test
