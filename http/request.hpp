// A request as the client sends it.
//
//   auto r = co_await c.send(http::request("POST", "http://example.org/x")
//                                .header("X-Id", "7").json("{}").timeout(5s).follow(3));
//
// Every setter can be chained, on a temporary too. What is not set here is the client's. A setter
// that throws has changed nothing.
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/client/settings.hpp>
#include <rondo/http/form.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rondo::http {

class client;

namespace detail {
class exchange;
class round_trip;
}  // namespace detail

class request {
 public:
  // Throws url_error, and std::invalid_argument when the method is no token.
  request(std::string_view method, std::string_view url);
  request(std::string_view method, http::url url);

  // Replaces the field, the client's of that name too. Throws std::invalid_argument as
  // headers::set. Host, Content-Length, Transfer-Encoding, Connection and Expect are the client's
  // own, and so are the other fields of a connection, Keep-Alive, Proxy-Connection and Upgrade:
  // std::invalid_argument. So is TE, unless it is "trailers"; then Connection names it. A Cookie
  // field is all the cookies that are sent. With Range or If-Range no content coding is asked for,
  // unless Accept-Encoding is set too.
  request& header(std::string_view name, std::string_view value) &;
  request&& header(std::string_view n, std::string_view v) && { return std::move(header(n, v)); }
  // The Host field, for a proxy that hands on what it was asked for: everything else goes by the
  // URL. It does not follow a redirect to another origin. Throws std::invalid_argument for what is
  // no host (RFC 9110, section 7.2).
  request& host(std::string_view name) &;
  request&& host(std::string_view name) && { return std::move(host(name)); }
  // Adds to the query, encoded.
  request& query(std::string_view name, std::string_view value) &;
  request&& query(std::string_view n, std::string_view v) && { return std::move(query(n, v)); }
  // A cookie for this request alone, beside those of the client's jar; it does not follow a
  // redirect to another origin. Throws std::invalid_argument for what no cookie may hold (RFC 6265,
  // section 4.1.1).
  request& cookie(std::string_view name, std::string_view value) &;
  request&& cookie(std::string_view n, std::string_view v) && { return std::move(cookie(n, v)); }

  // Authorization: Basic (RFC 7617), Bearer (RFC 6750). They do not follow a redirect to another
  // origin.
  request& basic_auth(std::string_view username, std::string_view password) &;
  request&& basic_auth(std::string_view u, std::string_view p) && {
    return std::move(basic_auth(u, p));
  }
  request& bearer_auth(std::string_view token) &;
  request&& bearer_auth(std::string_view token) && { return std::move(bearer_auth(token)); }

  // Answers a 401 that asks for Digest (RFC 7616: MD5, SHA-256): the request is sent once more, so
  // its body must be one that can be. Throws std::invalid_argument; std::logic_error when Rondo was
  // built without OpenSSL.
  request& digest_auth(std::string_view username, std::string_view password) &;
  request&& digest_auth(std::string_view u, std::string_view p) && {
    return std::move(digest_auth(u, p));
  }
  // Sees each step of this exchange, instead of the client's.
  request& trace(std::shared_ptr<tracer> t) &;
  request&& trace(std::shared_ptr<tracer> t) && { return std::move(trace(std::move(t))); }

  // The body as a whole.
  request& body(std::string bytes) &;
  request&& body(std::string bytes) && { return std::move(body(std::move(bytes))); }
  // The same, with Content-Type: application/json.
  request& json(std::string text) &;
  request&& json(std::string text) && { return std::move(json(std::move(text))); }
  // application/x-www-form-urlencoded.
  request& form(const form_fields& fields) &;
  request&& form(const form_fields& fields) && { return std::move(form(fields)); }
  // multipart/form-data.
  request& multipart(http::multipart parts) &;
  request&& multipart(http::multipart parts) && { return std::move(multipart(std::move(parts))); }
  // A file, streamed. Its size is taken now. Throws std::system_error that names the path.
  request& file(std::string path) &;
  request&& file(std::string path) && { return std::move(file(std::move(path))); }
  // A streamed body: sent with Content-Length when `size` is given (and then it must give exactly
  // that), chunked when not. It can be sent once: a redirect that asks for it again is a body_error
  // (not_repeatable).
  request& body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size = {}) &;
  request&& body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size = {}) && {
    return std::move(body(std::move(source), size));
  }
  // The same, opened anew each time it is sent.
  request& body(std::unique_ptr<body_factory> factory, std::optional<std::uint64_t> size = {}) &;
  request&& body(std::unique_ptr<body_factory> factory, std::optional<std::uint64_t> size = {}) && {
    return std::move(body(std::move(factory), size));
  }
  // Sends the head first, and the body when the server says 100, or has said nothing for a second
  // (RFC 9110, section 10.1.1). 417 is answered by sending again without asking.
  request& expect_continue(bool on = true) &;
  request&& expect_continue(bool on = true) && { return std::move(expect_continue(on)); }

  // For the whole exchange, redirects and the body's last byte included. Zero: no limit.
  template <class Rep, class Period>
  request& timeout(std::chrono::duration<Rep, Period> d) & {
    return timeout(phase::total, d);
  }
  template <class Rep, class Period>
  request&& timeout(std::chrono::duration<Rep, Period> d) && {
    return std::move(timeout(phase::total, d));
  }
  // For one phase, as client_options::timeout.
  template <class Rep, class Period>
  request& timeout(phase p, std::chrono::duration<Rep, Period> d) & {
    own().limits.set(p, rondo::detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  request&& timeout(phase p, std::chrono::duration<Rep, Period> d) && {
    return std::move(timeout(p, d));
  }
  // At most this many redirects; 0: a redirect is an answer like any other. Throws
  // std::invalid_argument when negative.
  request& follow(int redirects) &;
  request&& follow(int redirects) && { return std::move(follow(redirects)); }
  // As client_options.
  request& insecure_redirects(bool on) &;
  request&& insecure_redirects(bool on) && { return std::move(insecure_redirects(on)); }
  request& max_body(std::uint64_t bytes) &;
  request&& max_body(std::uint64_t bytes) && { return std::move(max_body(bytes)); }
  request& max_decoded(std::uint64_t bytes) &;
  request&& max_decoded(std::uint64_t bytes) && { return std::move(max_decoded(bytes)); }
  request& decode(bool on) &;
  request&& decode(bool on) && { return std::move(decode(on)); }
  request& raise_for_status(bool on = true) &;
  request&& raise_for_status(bool on = true) && { return std::move(raise_for_status(on)); }

  // Throws std::invalid_argument for what header() does not take.
  static void check_field(std::string_view name, std::string_view value);

  [[nodiscard]] const std::string& method() const noexcept { return method_; }
  [[nodiscard]] const http::url& url() const noexcept { return url_; }
  [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }

 private:
  friend class client;
  friend class detail::exchange;
  friend class detail::round_trip;
  struct stream_body {
    std::unique_ptr<body_source> source;    // the one there is, or what `factory` opened
    std::unique_ptr<body_factory> factory;  // null: it can be sent once
    std::optional<std::uint64_t> size;
  };
  detail::settings& own();

  std::string method_;
  http::url url_;
  http::headers headers_;
  std::string cookies_;  // "a=1; b=2"
  std::string host_;     // empty: the URL's
  std::string upgrade_;  // the protocol that is asked for in HTTP's place; empty: none
  std::variant<std::monostate, std::string, stream_body> body_;
  std::unique_ptr<detail::settings> own_;  // null: all as the client has it
};

}  // namespace rondo::http
