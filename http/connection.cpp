#include <rondo/http/connection.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/runtime/loop.hpp>

namespace rondo::http::detail {

parse_step connection::advance() {
  const parse_step step = parser_.next({buffer_.get() + first_, last_ - first_});
  first_ += step.consumed;
  return step;
}

task<parse_step> connection::next_event() {
  for (;;) {
    const parse_step step = advance();
    if (step.event != parse_event::need_more) co_return step;
    first_ = last_ = 0;  // need_more: all of it is used
    const std::span<std::byte> room(buffer_.get(), read_buffer_bytes);
    last_ = stream_.tls() ? co_await stream_.tls()->read_some(room)
                          : co_await stream_.plain().read_some(room);
    // A short read of plain TCP has emptied the socket; of TLS, it was a record.
    if (!stream_.tls() && last_ < room.size()) drained_at = this_loop().now();
    if (last_ == 0) co_return parse_step{parser_.finish(), 0, {}};
    if (traced && !answered) first_byte_at = trace_clock();
    answered = true;
  }
}

}  // namespace rondo::http::detail
