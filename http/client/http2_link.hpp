// The client's end of an HTTP/2 connection: reader, writer and watchman of a session, and the
// streams that the pool hands out. Internal.
//
//   begin ──▶ open ──retire(), GOAWAY──▶ retiring ──the last stream has ended──▶ closed
//              └──────── lost, the peer broke a rule, close() ──────────────────▲
//
// Its service belongs to the loop: the reader takes what comes whenever it comes, so that a GOAWAY,
// the end or a ping of an idle connection is known before the next request. The writer sends what
// the session has made ready since its last write. The watchman asks whether the peer is there (a
// ping) when a stream is open and nothing has come for 30 s, and ends the connection when nothing
// has come for 15 s more, counted from the asking.
//
// A stream resumes nobody and sends nothing by itself. A place that was taken is back when the
// stream has ended on the wire: after a reset, when the socket has the frame.
#pragma once

#include <rondo/http/client/multiplexed.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/http/tracer.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace rondo::http::detail {

// Who is told of each frame: the exchange that opens the connection.
struct frame_trace {
  std::shared_ptr<tracer> to;  // null: nobody
  std::uint64_t exchange = 0;
  std::string origin;
};

// On a fresh connection, whose service is started. Throws std::bad_alloc; std::logic_error in a
// build without HTTP/2.
std::shared_ptr<multiplexed> begin_http2(transport stream, const parser_limits& limits,
                                         frame_trace frames);

}  // namespace rondo::http::detail
