// What a server's handler is given, and what it answers.
//
//   task<http::server_response> hello(http::server_request& r) {
//     co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
//   }
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/file_options.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/server/router.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/task.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http {

struct cookie;
class server_response;

namespace detail {
class server_connection;
void check_response(server_response& response, bool head_only);
std::string response_head_text(const server_response& response, version v, bool chunked,
                               bool keep_alive);
}  // namespace detail

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

  // A file: conditions and ranges of the request are heeded (RFC 9110, sections 13 and 14), for GET
  // and HEAD. What cannot be opened is answered with 404, 403, 503 or 500. The path is opened as it
  // is: one that a client has a say in belongs to server::files. `request` must live until it is
  // over.
  static task<server_response> file(const server_request& request, std::string path,
                                    file_options options = {});

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
  friend void detail::check_response(server_response& response, bool head_only);
  friend std::string detail::response_head_text(const server_response& response, http::version v,
                                                bool chunked, bool keep_alive);
  int status_;
  http::headers headers_;
  std::string body_;
  std::unique_ptr<body_source> source_;
  std::optional<std::uint64_t> size_;
};

}  // namespace rondo::http
