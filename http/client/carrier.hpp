// What carries one exchange: an HTTP/1.1 connection, or a stream of an HTTP/2 one. What both have
// in common, so that a response, and the upload beside it, need not ask which it is. Internal.
#pragma once

#include <rondo/http/message.hpp>
#include <rondo/http/wire/parser.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace rondo::http::detail {

struct http2_head;
struct upload;

struct carrier {
  std::shared_ptr<upload> sending;  // a request's body that goes on beside its response

  bool answered = false;  // a byte of the present response has come
  bool traced = false;    // note when it came
  std::chrono::steady_clock::time_point first_byte_at;

 protected:
  carrier() = default;
  ~carrier() = default;
};

// A stream of a connection that carries many. Whoever has it has a place on that connection, from
// before its head is sent. Destroyed before both ways have ended it is reset, at once and whatever
// the reason; the place is free when the peer has been told (multiplexed::places).
class client_stream : public carrier {
 public:
  client_stream() = default;
  client_stream(const client_stream&) = delete;
  client_stream& operator=(const client_stream&) = delete;
  virtual ~client_stream() = default;

  // --- what comes, as from a client_connection ---

  // The next event of the response, heads of interim ones included. A body holds until the next
  // call. need_more comes only from buffered_event(). Throws protocol_error, body_error,
  // stream_lost.
  virtual task<parse_step> next_event() = 0;
  virtual parse_step buffered_event() = 0;
  // Of the response whose head came last.
  virtual response_head& head() noexcept = 0;
  virtual const headers& trailers() const noexcept = 0;
  virtual bool has_body() const noexcept = 0;
  int status() noexcept { return head().status; }

  // --- what goes ---

  // Once. `last`: there is no body. Throws std::bad_alloc.
  virtual void send_head(const http2_head& head, bool last) = 0;
  // Completes when some bytes have found room: how many. Throws stream_lost. Cancelled: nothing has
  // gone.
  virtual task<std::size_t> write_some(std::string_view bytes) = 0;
  // All of a body that is small (16 KiB), and its end. Throws std::bad_alloc.
  virtual void send_rest(std::string_view body) = 0;
  // The body's end, with the fields that follow it. Throws std::bad_alloc.
  virtual void finish(http::headers trailers) = 0;
  void body_sent() noexcept {}
  // Tells the peer that nobody wants the rest, either way.
  virtual void reset() noexcept = 0;

  // Whether the peer takes an extended CONNECT (RFC 8441); completes when it has said (its SETTINGS
  // have come), or is lost, with false.
  virtual task<bool> takes_extended_connect() = 0;
  // After an answer that has opened a tunnel: the stream as bytes both ways. Nothing but the end of
  // this may follow. Throws std::bad_alloc.
  virtual net::any_stream hand_over() = 0;

  // The stream is the only one, and something has come on its connection that nobody has looked at
  // yet: it may be the end.
  virtual bool is_in_doubt() const noexcept = 0;
  // The connection takes no more streams, and ends with those that it has.
  virtual void retire_connection() noexcept = 0;

  bool reused = false;  // its connection has carried another before
};

// A stream that ended before its response did: with its connection, or alone.
class stream_lost : public std::system_error {
 public:
  stream_lost(std::error_code code, const std::string& what, bool unprocessed = false)
      : system_error(code, what), unprocessed_(unprocessed) {}
  // The peer has said that it did nothing with the request: whatever its method, it may be sent
  // again (RFC 9113, section 8.7).
  bool unprocessed() const noexcept { return unprocessed_; }

 private:
  bool unprocessed_;
};

}  // namespace rondo::http::detail
