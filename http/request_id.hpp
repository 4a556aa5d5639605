// Middleware: a name for each request, and its place in a trace.
//
//   s.use(http::request_id());
//   …
//   const http::request_id_value* id = r.find<http::request_id_value>();
//   const http::trace_context* trace = r.find<http::trace_context>();
//
// The name is 32 hexadecimal digits at random, told to the handler and, in X-Request-Id, to the
// client. The trace is the one that the request's traceparent names (W3C Trace Context, level 1),
// else a new one; this server's part of it has an id of its own. Behind trace_requests, which also
// makes spans and hands the trace on, it is that one's.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/span.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rondo::http {

struct request_id_value {
  std::string text;
};

using rondo::trace_context;

// What a traceparent field says, without a span of ours; nullopt for what is none, to be ignored:
// another length, upper case, ids of zeros, version ff.
[[nodiscard]] std::optional<trace_context> parse_traceparent(std::string_view text);

// One or two system calls a request, for the random bytes.
class request_id {
 public:
  // Takes the name that the client, or a proxy before us, gives in X-Request-Id, when it is 1 to
  // 128 letters, digits, "-", "_", "." and "=": for who trusts whoever asks. No.
  request_id& accept_from_client(bool on = true) {
    accepts_ = on;
    return *this;
  }

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  bool accepts_ = false;
};

}  // namespace rondo::http
