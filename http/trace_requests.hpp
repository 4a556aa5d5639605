// Middleware: a span of each request, in the trace that its client names (runtime/span.hpp).
//
//   s.use(http::trace_requests());
//   rondo::set_span_sink([](const rondo::span_record& s) { my_exporter(s); });
//
// The trace is the one of the request's traceparent field (W3C Trace Context, level 1), else a new
// one. The handler and all that it starts are in it: current_trace() is there, spans inside are
// children, and what an http::client is asked for goes on with it. A link or a handler finds it as
// r.find<trace_context>() too.
//
// The span is called as the route, "GET /u/{id}", and ends with the last byte of the body. It has
// http.request.method, http.route and http.response.status_code. How it ends: as an error with a
// status of 500 and above, as cancelled when nobody was answered or the body was not taken to its
// end. As the outermost link it sees what all others answer.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/span.hpp>

namespace rondo::http {

class trace_requests {
 public:
  task<server_response> operator()(server_request& r, next& rest) const;
};

}  // namespace rondo::http
