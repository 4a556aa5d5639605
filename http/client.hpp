// The HTTP client.
//
//   http::client c;
//   http::response r = co_await c.get("http://127.0.0.1:8080/json");
//   r.raise_for_status();
//   std::string text = co_await r.text();
//
// Connections are kept alive and shared by the requests of one client. Responses are streamed: the body is
// read when it is asked for. A request that is cancelled closes its connection and gives its place back.
#pragma once

#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rondo::http {

// Every setter returns the object itself.
class client_options {
 public:
  // For a whole exchange, from waiting for a connection to the body's last byte. 300 s; zero: no limit.
  template <class Rep, class Period>
  client_options& total_timeout(std::chrono::duration<Rep, Period> d) {
    total_ = rondo::detail::saturate(d);
    return *this;
  }
  // For resolving the name and opening the connection. 30 s; zero: no limit.
  template <class Rep, class Period>
  client_options& connect_timeout(std::chrono::duration<Rep, Period> d) {
    connect_ = rondo::detail::saturate(d);
    return *this;
  }
  // For how long a connection is kept for the next request. 15 s.
  template <class Rep, class Period>
  client_options& idle_timeout(std::chrono::duration<Rep, Period> d) {
    pool_.idle = rondo::detail::saturate(d);
    return *this;
  }
  // Connections open at a time, at least 1; requests beyond wait their turn. 100.
  client_options& max_connections(std::size_t n);
  // Bytes that text() and bytes() take; 1 GiB. What is streamed has no limit.
  client_options& max_body(std::uint64_t bytes) {
    max_body_ = bytes;
    return *this;
  }
  // Sent with every request that does not set the field itself.
  client_options& header(std::string_view name, std::string_view value) {
    headers_.set(name, value);
    return *this;
  }
  // What a server may make us hold.
  client_options& limits(const parser_limits& l) {
    limits_ = l;
    return *this;
  }

 private:
  friend class client;
  friend class detail::exchange;
  rondo::detail::nanoseconds total_ = std::chrono::seconds(300);
  rondo::detail::nanoseconds connect_ = std::chrono::seconds(30);
  std::uint64_t max_body_ = std::uint64_t{1} << 30;
  detail::pool_limits pool_;
  parser_limits limits_;
  http::headers headers_;
};

// Copies share their connections. Used on one loop at a time; what is idle when the loop ends is closed.
class client {
 public:
  explicit client(client_options options = {});

  // Send a request and complete when the response's head has come. Throw http::error: url_error,
  // connect_error, timeout_error, protocol_error, body_error (of the request's own body), each with the URL
  // and the phase. A connection that turns out stale is replaced once, without a word, when the request is
  // idempotent, its body can be sent again, and no byte of a response had come.
  task<response> get(std::string url);
  task<response> head(std::string url);
  task<response> post(std::string url, std::string body);
  task<response> put(std::string url, std::string body);
  task<response> patch(std::string url, std::string body);
  task<response> del(std::string url);
  task<response> send(request r);

  // Connections open now, and how many of them are idle.
  std::size_t open_connections() const noexcept { return state_->connections->open(); }
  std::size_t idle_connections() const noexcept { return state_->connections->idle(); }
  // Closes what is idle.
  void close_idle() noexcept { state_->connections->close_idle(); }

 private:
  friend class detail::exchange;
  struct state {
    client_options options;
    std::shared_ptr<detail::pool> connections;
  };
  std::shared_ptr<const state> state_;
};

}  // namespace rondo::http
