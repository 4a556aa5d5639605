// Middleware: how large a request's body may be, and how long its answer may take.
//
//   s.use(http::time_limit(10s));
//   http::route_group uploads = s.group("/uploads");
//   uploads.use(http::body_limit(std::uint64_t{100} << 20));
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>

namespace rondo::http {

// A request whose Content-Length says more is answered with 413 before its body is asked for, and
// one whose body turns out to be more when it is read, in whatever way. For text() and form()
// server_options' limit holds beside this one.
class body_limit {
 public:
  explicit body_limit(rondo::detail::amount bytes) noexcept : most_(bytes) {}
  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::uint64_t most_;
};

// When there is no response after this time, the handler is cancelled and the client gets 503. A
// streamed body is not part of it: that one is under the server's write limit. A handler that was
// reading its request's body ends the connection.
class time_limit {
 public:
  template <class Rep, class Period>
  explicit time_limit(std::chrono::duration<Rep, Period> d) noexcept
      : after_(rondo::detail::saturate(d)) {}
  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  rondo::detail::nanoseconds after_;
};

}  // namespace rondo::http
