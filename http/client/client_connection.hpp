// One connection of the client: its stream, its parser, and a buffer that it holds only while it is
// in use. Internal.
#pragma once

#include <rondo/http/client/carrier.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/http/wire/parser.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http::detail {

class client_connection : public carrier {
 public:
  client_connection(transport stream, const parser_limits& limits)
      : stream_(std::move(stream)), parser_(limits) {}

  transport& stream() noexcept { return stream_; }
  response_parser& parser() noexcept { return parser_; }

  // A request by `method` is about to be sent; one that asks for an upgrade may be answered by 101.
  void begin(std::string_view method, bool upgrade = false) {
    answered = false;
    may_switch_ = upgrade;
    interim_ = 0;
    parser_.expect(method);
  }
  // The next event of the message under way, reading when what is buffered does not make one.
  // need_more means that the peer has closed before a message began. A body points into the buffer
  // and holds until the next call. Throws protocol_error, also for a 101 that nobody asked for and
  // for more than 16 interim responses; body_error, std::system_error.
  task<parse_step> next_event();
  // The same from what is buffered alone: need_more when it does not make one.
  parse_step buffered_event() { return advance(); }

  int status() const noexcept { return parser_.head().status; }
  void body_sent() noexcept { half_sent = false; }

  // True when another exchange may follow: the request went as a whole, the peer keeps the
  // connection and has sent nothing unasked.
  bool reusable() const noexcept {
    return first_ == last_ && !half_sent && parser_.keep_alive() && parser_.idle() &&
           requests_left_ > 0;
  }
  // A little before the end that the server has announced for a connection that is idle; never when
  // it has not.
  rondo::detail::time_point announced_end() const noexcept {
    return rondo::detail::add(heard_at_, announced_);
  }
  // True when all that was read has been used.
  bool drained() const noexcept { return first_ == last_; }
  // True when something has arrived since the last message, its end included: what nobody asked for
  // is the answer to nothing.
  bool stale() const noexcept { return stream_.readable_now(); }

  // After a 101: the stream, and what has come of the other protocol. Nothing else may follow.
  std::pair<transport, std::string> hand_over() {
    std::string first(reinterpret_cast<const char*>(buffer_.get()) + first_, last_ - first_);
    first_ = last_ = 0;
    return {std::move(stream_), std::move(first)};
  }

  void lend(read_buffer b) noexcept { buffer_ = std::move(b); }
  read_buffer take_buffer() noexcept { return std::move(buffer_); }

  bool reused = false;              // it has carried an exchange before
  bool half_sent = false;           // a write failed
  rondo::detail::time_point since;  // idle since
  rondo::detail::time_point until;  // not used from then on

 private:
  template <class Stream>
  task<parse_step> next_event_from(Stream& stream);
  parse_step advance();
  void note_head();

  static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

  transport stream_;
  response_parser parser_;
  read_buffer buffer_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  rondo::detail::time_point heard_at_;  // the latest read
  rondo::detail::nanoseconds announced_ = rondo::detail::nanoseconds::max();
  std::uint32_t requests_left_ = unlimited;
  bool may_switch_ = false;  // the request under way asked for another protocol
  int interim_ = 0;          // 1xx responses to the request under way
};

}  // namespace rondo::http::detail
