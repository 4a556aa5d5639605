// A request as the client sends it.
//
//   auto r = co_await c.send(http::request("POST", "http://example.org/x")
//                                .header("X-Id", "7").json("{}").timeout(5s));
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/clock.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rondo::http {

namespace detail {
class exchange;
}

// Movable. Setters may be chained on a temporary.
class request {
 public:
  // Throws url_error, and std::invalid_argument when the method is no token.
  request(std::string_view method, std::string_view url);
  request(std::string_view method, http::url url);

  // Replaces the field. Throws std::invalid_argument as headers::set. Host, Content-Length,
  // Transfer-Encoding and Connection are the client's own: std::invalid_argument.
  request& header(std::string_view name, std::string_view value) &;
  request&& header(std::string_view n, std::string_view v) && { return std::move(header(n, v)); }
  // Adds to the query, encoded.
  request& query(std::string_view name, std::string_view value) &;
  request&& query(std::string_view n, std::string_view v) && { return std::move(query(n, v)); }
  // The body as a whole.
  request& body(std::string bytes) &;
  request&& body(std::string bytes) && { return std::move(body(std::move(bytes))); }
  // The same, with Content-Type: application/json.
  request& json(std::string text) &;
  request&& json(std::string text) && { return std::move(json(std::move(text))); }
  // A streamed body: sent with Content-Length when `size` is given (and then it must give exactly that),
  // chunked when not. It can be sent once.
  request& body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size = {}) &;
  request&& body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size = {}) && {
    return std::move(body(std::move(source), size));
  }
  // For the whole exchange, the body's last byte included, instead of the client's.
  template <class Rep, class Period>
  request& timeout(std::chrono::duration<Rep, Period> d) & {
    timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  request&& timeout(std::chrono::duration<Rep, Period> d) && {
    return std::move(timeout(d));
  }

  [[nodiscard]] const std::string& method() const noexcept { return method_; }
  [[nodiscard]] const http::url& url() const noexcept { return url_; }
  [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }

 private:
  friend class detail::exchange;
  struct stream_body {
    std::unique_ptr<body_source> source;
    std::optional<std::uint64_t> size;
  };

  std::string method_;
  http::url url_;
  http::headers headers_;
  std::variant<std::monostate, std::string, stream_body> body_;
  std::optional<rondo::detail::nanoseconds> timeout_;
};

}  // namespace rondo::http
