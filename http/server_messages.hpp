// What a server's handler is given, and what it answers.
//
//   task<http::server_response> hello(http::server_request& r) {
//     co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
//   }
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/file_options.hpp>
#include <rondo/http/form.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/server/event_stream.hpp>
#include <rondo/http/server/router.hpp>
#include <rondo/http/upgrade.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/type_mark.hpp>
#include <rondo/runtime/task.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo::http {

struct cookie;
class body_error;
class running_server;
class server_response;

namespace detail {
class http2_exchange;
class routing;
class server_connection;
class server_exchange;
void check_response(server_response& response, bool head_only);
void write_response_head(std::string& out, const server_response& response, bool chunked,
                         std::string_view kept);
}  // namespace detail

// What a client's TLS is. The text lives as long as the request.
struct tls_facts {
  std::string_view protocol;                  // "TLSv1.3"
  std::string_view cipher;                    // "TLS_AES_256_GCM_SHA384"
  std::string_view alpn;                      // empty: none was agreed on
  std::string_view server_name;               // that the client asked for; empty: none
  std::vector<std::byte> client_certificate;  // DER; empty: none
};

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
  // What the query says of `name`, decoded (WHATWG URL, section 5.1: "+" is a space); of several
  // the first. All of it, in order.
  std::optional<std::string> query(std::string_view name) const;
  form_fields query_fields() const { return parse_form(query()); }
  // Host is the target's own where the target names one.
  const http::headers& headers() const noexcept { return head_.headers; }
  // The value of a route's {name} or {name...}, decoded; empty when the route has none of that
  // name.
  std::string_view param(std::string_view name) const noexcept;
  // The pattern of the route that answers, with its group's prefix; empty when none does.
  std::string_view route() const noexcept { return route_; }
  // The value of the cookie `name` as it came; of several the first, which is the one that was set
  // for the longest path. All of them, in order; what is no pair is left out (RFC 6265bis, section
  // 4.2).
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;
  std::vector<std::pair<std::string_view, std::string_view>> cookies() const;
  // Of the media types "type/subtype" that the handler can answer with the one that the client
  // would like best (RFC 9110, section 12.5.1, with q); between equals the earlier one. Without an
  // Accept field the first. Empty: none will do, which is 406, or an answer all the same.
  std::string_view accepts(std::initializer_list<std::string_view> types) const;
  template <class... Types>
    requires(std::is_convertible_v<const Types&, std::string_view> && ...)
  std::string_view accepts(const Types&... types) const {
    return accepts({std::string_view(types)...});
  }
  // The address of the client, or of the proxy in front of us; of a Unix socket mostly an unnamed
  // one. 0.0.0.0:0 when the client has gone. One system call each time.
  net::endpoint remote() const;
  // Empty when the connection is not encrypted.
  std::optional<tls_facts> tls() const;
  // The address of the client itself, as far as server_options::trust says whose word counts: by
  // the PROXY protocol, then by Forwarded or X-Forwarded-For. Without trust, the same as remote().
  // Where only the address is known, the port is 0.
  net::endpoint client() const;
  // Of a client that had an event stream before: the id of the last event that it got (WHATWG HTML,
  // section 9.2.4). Empty when it had none. It is the client's word.
  std::string_view last_event_id() const noexcept {
    return headers().get("Last-Event-ID").value_or(std::string_view());
  }

  // The server as it serves: what it counts, its stop, and tasks that outlive this client.
  running_server& server() noexcept;

  // The whole body, up to server_options' limit (the client gets 413, before it is asked for its
  // body when the length says so). Throws body_error, protocol_error, timeout_error,
  // std::system_error; a handler may let them pass. Cancelled: the connection ends with the answer.
  task<std::string> text();
  // The same as the fields of an urlencoded form. Throws body_error also for another Content-Type
  // (415) and for more than `most` fields (413). Of multipart/form-data see
  // <rondo/http/multipart_reader.hpp>. Cancelled as text().
  task<form_fields> form(rondo::detail::amount most = 1000);
  // The next piece where it lies, until the next call; empty at the end. Throws as text().
  // Cancelled as text().
  task<std::span<const std::byte>> next_chunk();
  // How many bytes this request's body may have, read in whatever way: one more is a body_error
  // (413). For text() and form() server_options' limit holds too.
  void max_body(rondo::detail::amount bytes);
  // Throws `why`, which is then the client's fault whoever lets it pass: it is answered with its
  // own status, and the connection is closed. For what stands in a body and should not.
  [[noreturn]] void refuse_body(const body_error& why);
  // What the server answers when a handler lets this pass; 499 when the client has gone, so that
  // nobody is answered.
  int status_for(const std::exception_ptr& thrown) const noexcept;

  // Sends 103 and these fields ahead of the response (RFC 8297): Link, mostly. Nothing to a client
  // of HTTP/1.0. Throws std::system_error when the client has gone. Cancelled half-way: the
  // connection can carry no answer any more.
  task<> early_hints(http::headers fields);

  // What links of middleware leave for each other and for the handler: one value a type, the last
  // one put. Null when there is none.
  template <class T>
  void put(T value) {
    put_value(&rondo::detail::type_mark<T>, std::make_shared<T>(std::move(value)));
  }
  template <class T>
  T* find() const noexcept {
    return static_cast<T*>(find_value(&rondo::detail::type_mark<T>));
  }

 private:
  friend class detail::http2_exchange;
  friend class detail::routing;
  friend class detail::server_connection;
  explicit server_request(detail::server_exchange& e) noexcept : exchange_(e) {}
  void put_value(const void* type, std::shared_ptr<void> value);
  void* find_value(const void* type) const noexcept;

  detail::server_exchange& exchange_;
  request_head head_;
  std::size_t path_begin_ = 0;
  std::size_t path_size_ = 0;
  bool whole_server_ = false;  // the target is "*"
  std::string_view route_;
  router::match match_;
  std::vector<std::pair<const void*, std::shared_ptr<void>>> values_;
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
  // text/plain, text/html (both of UTF-8), application/json, application/octet-stream.
  static server_response text(std::string body, int status = 200);
  static server_response html(std::string body, int status = 200);
  static server_response json(std::string body, int status = 200);
  static server_response bytes(std::string body, int status = 200);
  // Streamed: with Content-Length when `size` is given, chunked when not. Throws
  // std::invalid_argument for a null source.
  static server_response stream(std::unique_ptr<body_source> source,
                                std::optional<std::uint64_t> size = {}, int status = 200);
  // A stream of server-sent events: `handler`, (event_sink&) -> task<>, runs when the head has been
  // sent (<rondo/http/event_sink.hpp>). It is text/event-stream that nobody stores or, as far as
  // nginx is asked, buffers. When nothing was sent for `quiet`, a comment is, by which a client
  // that has gone is found; zero: never. To end the stream of a browser, which comes again and
  // again, answer 204.
  template <class Handler>
  static server_response events(Handler handler,
                                std::chrono::nanoseconds quiet = std::chrono::seconds(15)) {
    return events_from(std::make_unique<detail::typed_event_handler<Handler>>(std::move(handler)),
                       quiet);
  }

  // A file: conditions and ranges of the request are heeded (RFC 9110, sections 13 and 14), for GET
  // and HEAD. What cannot be opened is answered with 404, 403, 503 or 500. The path is opened as it
  // is: one that a client has a say in belongs to server::files. `request` must live until it is
  // over. Throws nothing for what cannot be opened. Cancelled: nothing stays open.
  static task<server_response> file(const server_request& request, std::string path,
                                    file_options options = {});

  // To another place: a Location field. What no URL holds, CR and LF among it, is percent-encoded.
  // Where `location` comes from a client, see that it stays on this site. Throws
  // std::invalid_argument when the status is not 301, 302, 303, 307 or 308.
  static server_response redirect(std::string_view location, int status = 302);
  // 101, after which fn(upgraded_stream) -> task<> has the connection, for as long as its task
  // runs. `protocol` is what the client must have asked for, as "websocket". See
  // <rondo/http/upgrade.hpp>. Throws std::invalid_argument for what is no protocol's name.
  template <class Fn>
  static server_response upgrade(std::string_view protocol, Fn fn) {
    return upgrade_to(protocol,
                      std::make_unique<detail::function_upgrade_handler<Fn>>(std::move(fn)));
  }
  // For protocols of Rondo's own.
  static server_response upgrade_to(std::string_view protocol,
                                    std::unique_ptr<detail::upgrade_handler> handler) {
    server_response r(101);
    r.headers_.set("Upgrade", protocol);
    r.upgrade_ = std::move(handler);
    return r;
  }

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

  // Each piece of a streamed body is to be with the client as soon as it has been given: nothing
  // on the way holds bytes back, as a coder would.
  server_response& flush_pieces(bool on = true) & noexcept {
    flushes_ = on;
    return *this;
  }
  server_response&& flush_pieces(bool on = true) && noexcept { return std::move(flush_pieces(on)); }

  // What middleware looks at, and may change.
  int status() const noexcept { return status_; }
  const http::headers& headers() const noexcept { return headers_; }
  http::headers& headers() noexcept { return headers_; }
  bool flushes_pieces() const noexcept { return flushes_; }
  // Whether the body comes from a source; else body() is all of it.
  bool is_streamed() const noexcept { return source_ != nullptr; }
  const std::string& body() const noexcept { return body_; }
  // Of the body in bytes; nullopt when it is streamed and has not been said.
  std::optional<std::uint64_t> size() const noexcept {
    return source_ ? size_ : std::optional<std::uint64_t>(body_.size());
  }
  // The body as a source, which the caller takes over; afterwards there is none. The trailers of a
  // streamed one are the source's.
  std::unique_ptr<body_source> take_body();
  // Puts fn(source) in the place of a streamed body's source: another that gives the same bytes, so
  // that its size and Content-Length stay. Precondition: it is streamed.
  template <class Fn>
  void wrap_body(Fn fn) {
    source_ = fn(std::move(source_));
  }
  // Puts another in its place. A Content-Length field, which would be the old one's, goes. Throws
  // std::invalid_argument for a null source.
  void replace_body(std::string body);
  void replace_body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size = {});

 private:
  friend class detail::http2_exchange;
  friend class detail::server_connection;
  friend void detail::check_response(server_response& response, bool head_only);
  friend void detail::write_response_head(std::string& out, const server_response& response,
                                          bool chunked, std::string_view kept);
  static server_response events_from(std::unique_ptr<detail::any_event_handler> handler,
                                     std::chrono::nanoseconds quiet);

  int status_;
  http::headers headers_;
  std::string body_;
  std::unique_ptr<body_source> source_;
  std::optional<std::uint64_t> size_;
  bool flushes_ = false;
  std::shared_ptr<detail::event_stream> events_;  // that source_ is the body of
  std::unique_ptr<detail::upgrade_handler> upgrade_;
};

}  // namespace rondo::http
