// The HTTP server.
//
//   http::server s;
//   s.route("GET", "/hello/{name}", [](http::server_request& r) -> task<http::server_response> {
//     co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
//   });
//   co_await s.serve(net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:8080")));
//
// HTTP/1.1 and 1.0, kept-alive connections, pipelined requests answered in order, bodies streamed both ways.
// What is not strictly a request is answered with its status and the connection is closed. A handler that
// throws is answered with 500, and what it threw goes to on_unhandled.
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/router.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/amount.hpp>
#include <rondo/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http {

namespace detail {
class server_connection;
}

// What a handler is given. It lives until the response has been sent.
class server_request {
 public:
  const std::string& method() const noexcept { return head_.method; }
  // As it came: path and query.
  const std::string& target() const noexcept { return head_.target; }
  // The target's path, and its query without "?" (empty when there is none); both percent-encoded.
  std::string_view path() const noexcept {
    return std::string_view(head_.target).substr(0, path_size_);
  }
  std::string_view query() const noexcept {
    const std::string_view t = head_.target;
    return t.substr(std::min(path_size_ + 1, t.size()));
  }
  http::version version() const noexcept { return head_.version; }
  const http::headers& headers() const noexcept { return head_.headers; }
  // The value of a route's {name}, decoded; empty when the route has none of that name.
  std::string_view param(std::string_view name) const noexcept;

  // The whole body, up to server_options' limit (the client gets 413). Throws body_error, protocol_error,
  // std::system_error; a handler may let them pass.
  task<std::string> text();
  // The next piece where it lies, until the next call; empty at the end.
  task<std::span<const std::byte>> next_chunk();

 private:
  friend class detail::server_connection;
  explicit server_request(detail::server_connection& c) noexcept : connection_(c) {}
  detail::server_connection& connection_;
  request_head head_;
  std::size_t path_size_ = 0;
  path_params params_;
};

// What a handler answers. Content-Length, Transfer-Encoding, Connection and Date are the server's.
class server_response {
 public:
  explicit server_response(int status = 200) noexcept : status_(status) {}
  // text/plain, application/json, application/octet-stream.
  static server_response text(std::string body, int status = 200);
  static server_response json(std::string body, int status = 200);
  static server_response bytes(std::string body, int status = 200);
  // Streamed: with Content-Length when `size` is given, chunked when not.
  static server_response stream(std::unique_ptr<body_source> source,
                                std::optional<std::uint64_t> size = {});

  // Replaces the field. Throws std::invalid_argument.
  server_response& header(std::string_view name, std::string_view value) & {
    headers_.set(name, value);
    return *this;
  }
  server_response&& header(std::string_view n, std::string_view v) && {
    return std::move(header(n, v));
  }

 private:
  friend class detail::server_connection;
  int status_;
  http::headers headers_;
  std::string body_;
  std::unique_ptr<body_source> source_;
  std::optional<std::uint64_t> size_;
};

// Every setter returns the object itself.
struct server_options {
  // Connections at a time. 10,000.
  server_options& max_connections(rondo::detail::amount n) {
    max_connections_ = n;
    return *this;
  }
  // For a request's head, from its first byte: else 408. 60 s.
  template <class Rep, class Period>
  server_options& header_timeout(std::chrono::duration<Rep, Period> d) {
    header_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // Between two requests, and between two reads of a body. 75 s.
  template <class Rep, class Period>
  server_options& idle_timeout(std::chrono::duration<Rep, Period> d) {
    idle_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // What a client may make us hold; the body limit (8 MiB) is for text().
  server_options& limits(const parser_limits& l) {
    limits_ = l;
    return *this;
  }
  server_options& max_body(rondo::detail::amount bytes) {
    max_body_ = bytes;
    return *this;
  }

  std::size_t max_connections_ = 10'000;
  rondo::detail::nanoseconds header_timeout_ = std::chrono::seconds(60);
  rondo::detail::nanoseconds idle_timeout_ = std::chrono::seconds(75);
  std::uint64_t max_body_ = std::uint64_t{8} << 20;
  parser_limits limits_;
};

class server {
 public:
  explicit server(server_options options = {}) : options_(options) {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() = default;

  // `handler` is (server_request&) -> task<server_response>. Throws std::invalid_argument (router::add).
  template <class Handler>
  server& route(std::string_view method, std::string_view pattern, Handler handler) {
    add(method, pattern, std::make_unique<typed_handler<Handler>>(std::move(handler)));
    return *this;
  }
  // Serves until cancelled; then stops accepting, cancels the handlers and waits for them. The server must
  // outlive it.
  task<> serve(net::tcp_listener listener);
  task<> serve(net::unix_listener listener);
  // The same over TLS, each connection with what tls.get() gives when it comes: replace() renews certificates
  // without dropping any. A client whose handshake fails is closed, and nobody is told.
  task<> serve(net::tcp_listener listener, net::tls_reloadable tls);
  task<> serve(net::unix_listener listener, net::tls_reloadable tls);

 private:
  friend class detail::server_connection;
  struct any_handler {
    any_handler() = default;
    any_handler(const any_handler&) = delete;
    any_handler& operator=(const any_handler&) = delete;
    virtual ~any_handler() = default;
    virtual task<server_response> call(server_request& r) = 0;
  };
  template <class Handler>
  struct typed_handler final : any_handler {
    explicit typed_handler(Handler h) : handler(std::move(h)) {}
    task<server_response> call(server_request& r) override { return handler(r); }
    Handler handler;
  };
  void add(std::string_view method, std::string_view pattern, std::unique_ptr<any_handler> h);
  template <class Listener>
  task<> serve_plain(Listener listener);
  template <class Listener>
  task<> serve_tls(Listener listener, net::tls_reloadable tls);

  server_options options_;
  router router_;
  std::vector<std::unique_ptr<any_handler>> handlers_;
};

}  // namespace rondo::http
