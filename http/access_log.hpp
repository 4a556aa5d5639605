// Middleware: an event for each request that a server has answered, or could not.
//
//   s.use(http::access_log());                       // a line each on standard output
//   s.use(http::access_log([](const http::access_event& e) {
//     if (e.status >= 500) log(http::access_line(e));
//   }));
//
// The event comes when the response leaves this link, and of a streamed body when its last piece
// was taken or it was given up. A request that is cancelled has one too: with the status 499, as
// one whose client has gone. As the outermost link it sees what all others answer.
#pragma once

#include <rondo/http/message.hpp>
#include <rondo/http/middleware.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http {

// The text lives as long as the sink is called.
struct access_event {
  std::chrono::sys_seconds at;  // when the request came to this link
  std::chrono::nanoseconds duration{};
  net::endpoint client;  // as server_request::client
  std::string_view method;
  std::string_view target;
  std::string_view route;  // the pattern; empty: none
  http::version version = http::version::http_1_1;
  int status = 0;                // 499: nobody was answered
  std::uint64_t body_bytes = 0;  // of the response's body, taken so far
  bool complete = false;         // the body was given to its end
  std::string_view referer;
  std::string_view user_agent;
  std::string_view request_id;  // of the link request_id; empty: none
};

// One line in the combined log format, with the duration in seconds and the route behind it:
//
//   192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET /u/7 HTTP/1.1" 200 5 "-" "curl/8" 0.001200
//   /u/{id}
//
// What the client wrote is escaped: every byte that is not printable ASCII, the quote and the
// backslash become \xHH. So no client writes a line of its own, or moves a terminal's cursor.
[[nodiscard]] std::string access_line(const access_event& e);

namespace detail {

struct access_sink {
  access_sink() = default;
  access_sink(const access_sink&) = delete;
  access_sink& operator=(const access_sink&) = delete;
  virtual ~access_sink() = default;
  virtual void take(const access_event& e) = 0;
};

template <class Sink>
struct typed_access_sink final : access_sink {
  explicit typed_access_sink(Sink s) : sink(std::move(s)) {}
  void take(const access_event& e) override { sink(e); }
  Sink sink;
};

}  // namespace detail

class access_log {
 public:
  // Writes access_line() to standard output.
  access_log();
  // `sink` is (const access_event&) -> void, and called in the loop: it must not wait. What it
  // throws is reported to on_unhandled.
  template <class Sink>
  explicit access_log(Sink sink)
      : sink_(std::make_shared<detail::typed_access_sink<Sink>>(std::move(sink))) {}

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::shared_ptr<detail::access_sink> sink_;
};

}  // namespace rondo::http
