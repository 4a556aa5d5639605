// The HTTP server.
//
//   http::server s;
//   s.route("GET", "/hello/{name}", [](http::server_request& r) -> task<http::server_response> {
//     co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
//   });
//   co_await s.serve(net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:8080")));
//
// HTTP/1.1 and 1.0, kept-alive connections, pipelined requests answered in order, bodies streamed
// both ways. What is not strictly a request is answered with its status and the connection is
// closed.
//
// A handler that throws is answered for by whose fault it was, told by where the error came from
// and not by its type. What reading this request's own body threw is the client's: 400, 408, 413 or
// 431, and the connection is closed. An http::error that came from elsewhere is a server's that the
// handler asked: 504 for a timeout_error, else 502. Anything else, and a response that cannot be
// sent, is the handler's: 500. The last two go to on_unhandled, and the client is told nothing of
// them but the status.
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/server/router.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http {

struct cookie;

namespace detail {
class server_connection;
}

// What a handler is given. It lives until the response has been sent.
class server_request {
 public:
  const std::string& method() const noexcept { return head_.method; }
  // As it came: path and query, or a whole URL (absolute-form, RFC 9112, section 3.2.2).
  const std::string& target() const noexcept { return head_.target; }
  // The target's path, and its query without "?" (empty when there is none); both percent-encoded.
  std::string_view path() const noexcept {
    if (path_size_ == 0) return "/";
    return std::string_view(head_.target).substr(path_begin_, path_size_);
  }
  std::string_view query() const noexcept {
    const std::string_view t = head_.target;
    return t.substr(std::min(path_begin_ + path_size_ + 1, t.size()));
  }
  http::version version() const noexcept { return head_.version; }
  // Host is the target's own where the target names one.
  const http::headers& headers() const noexcept { return head_.headers; }
  // The value of a route's {name} or {name...}, decoded; empty when the route has none of that
  // name.
  std::string_view param(std::string_view name) const noexcept;
  // The address of the client, or of the proxy in front of us; of a Unix socket mostly an unnamed
  // one. 0.0.0.0:0 when the client has gone. One system call each time.
  net::endpoint remote() const;

  // The whole body, up to server_options' limit (the client gets 413, before it is asked for its
  // body when the length says so). Throws body_error, protocol_error, timeout_error,
  // std::system_error; a handler may let them pass.
  task<std::string> text();
  // The next piece where it lies, until the next call; empty at the end.
  task<std::span<const std::byte>> next_chunk();

 private:
  friend class detail::server_connection;
  explicit server_request(detail::server_connection& c) noexcept : connection_(c) {}
  detail::server_connection& connection_;
  request_head head_;
  std::size_t path_begin_ = 0;
  std::size_t path_size_ = 0;
  path_params params_;
};

// What a handler answers. Transfer-Encoding, Connection and Date are the server's, and so is
// Content-Length. One that the handler gives must be the body's; it says how long a streamed body
// is, or, in an answer to HEAD without a body, the body that GET would have.
//
// What cannot be sent is answered with 500 and reported to on_unhandled: a status that is not
// within 200 and 999, a Content-Length that contradicts the body. A body on 204, 205 or 304 is
// reported and left out.
class server_response {
 public:
  explicit server_response(int status = 200) noexcept : status_(status) {}
  // text/plain, application/json, application/octet-stream.
  static server_response text(std::string body, int status = 200);
  static server_response json(std::string body, int status = 200);
  static server_response bytes(std::string body, int status = 200);
  // Streamed: with Content-Length when `size` is given, chunked when not.
  static server_response stream(std::unique_ptr<body_source> source,
                                std::optional<std::uint64_t> size = {}, int status = 200);

  // Replaces the field. Throws std::invalid_argument.
  server_response& header(std::string_view name, std::string_view value) & {
    headers_.set(name, value);
    return *this;
  }
  server_response&& header(std::string_view n, std::string_view v) && {
    return std::move(header(n, v));
  }
  // Adds a field beside those of the same name. Throws std::invalid_argument.
  server_response& add_header(std::string_view name, std::string_view value) & {
    headers_.add(name, value);
    return *this;
  }
  server_response&& add_header(std::string_view n, std::string_view v) && {
    return std::move(add_header(n, v));
  }
  // Adds a Set-Cookie field (RFC 6265bis, section 4.1); `cookie` is in <rondo/http/cookies.hpp>.
  // Domain goes out when host_only is false, Expires when there is one. Throws
  // std::invalid_argument, which never tells the value: for a name that is no token; a value,
  // domain or path with a byte that they cannot hold; more than 4096 bytes of name and value;
  // SameSite=None, __Secure- or __Host- without what they demand.
  server_response& set_cookie(const cookie& c) &;
  server_response&& set_cookie(const cookie& c) && { return std::move(set_cookie(c)); }

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
  // A response of which the system takes nothing for so long, because the client does not read,
  // ends its connection with a reset. Over TCP a client is still reading when it has acknowledged
  // something in the last quarter of that time. Up to a quarter later when other writes came
  // before. 60 s.
  template <class Rep, class Period>
  server_options& write_timeout(std::chrono::duration<Rep, Period> d) {
    write_timeout_ = rondo::detail::saturate(d);
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
  rondo::detail::nanoseconds write_timeout_ = std::chrono::seconds(60);
  std::uint64_t max_body_ = std::uint64_t{8} << 20;
  parser_limits limits_;
};

class server {
 public:
  explicit server(server_options options = {}) : options_(options) {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() = default;

  // `handler` is (server_request&) -> task<server_response>. Throws std::invalid_argument
  // (router::add).
  template <class Handler>
  server& route(std::string_view method, std::string_view pattern, Handler handler) {
    add(method, pattern, std::make_unique<typed_handler<Handler>>(std::move(handler)));
    return *this;
  }
  // Serves until cancelled; then stops accepting, cancels the handlers and waits for them. The
  // server must outlive it.
  task<> serve(net::tcp_listener listener);
  task<> serve(net::unix_listener listener);
  // The same over TLS, each connection with what tls.get() gives when it comes: replace() renews
  // certificates without dropping any. A client whose handshake fails is closed, and nobody is
  // told.
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
