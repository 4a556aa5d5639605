#include <rondo/http/client/client_connection.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// 1xx responses before the one that counts.
constexpr int max_interim = 16;
// How long before the announced end a connection is given up: half of the time at most.
constexpr std::chrono::seconds before_the_end(1);

}  // namespace

parse_step client_connection::advance() {
  const parse_step step = parser_.next({buffer_.get() + first_, last_ - first_});
  first_ += step.consumed;
  if (step.event == parse_event::head) note_head();
  return step;
}

void client_connection::note_head() {
  const int status = parser_.head().status;
  if (status == 101) {
    if (may_switch_) return;
    throw protocol_error("the peer switches protocols (101) unasked", 502);
  }
  if (status < 200) {
    if (interim_++ == max_interim)
      throw protocol_error("more than " + std::to_string(max_interim) + " interim responses", 502);
    return;
  }
  const keep_alive_hint& said = parser_.keep_alive_said();
  if (said.seconds) {
    const std::chrono::nanoseconds whole = std::chrono::seconds(*said.seconds);
    announced_ = whole - std::min<std::chrono::nanoseconds>(before_the_end, whole / 2);
  }
  if (said.requests)
    requests_left_ = *said.requests;
  else if (requests_left_ != unlimited)
    --requests_left_;
}

task<parse_step> client_connection::next_event() {
  return stream_.with([this](auto& stream) { return next_event_from(stream); });
}

template <class Stream>
task<parse_step> client_connection::next_event_from(Stream& stream) {
  for (;;) {
    const parse_step step = advance();
    if (step.event != parse_event::need_more) co_return step;
    first_ = last_ = 0;  // need_more: all of it is used
    last_ = co_await stream.read_some({buffer_.get(), read_buffer_bytes});
    heard_at_ = this_loop().now();
    if (last_ == 0) co_return parse_step{parser_.finish(), 0, {}};
    if (traced && !answered) first_byte_at = trace_clock();
    answered = true;
  }
}

}  // namespace rondo::http::detail
