// An HTTP/2 session on its stream: the two tasks that move its bytes. Internal.
//
//   http2_connection c(http2_role::client, stream, settings);
//   g.spawn(c.write());                             // writes whatever the session has to say
//   while (co_await c.read_some()) …                // takes whatever comes
//
// Reader and writer are tasks of one group, or of one service, and know of each other by the
// session alone. Whoever uses a stream only marks it: the writer wakes behind all who are ready in
// that turn, and sends what they have left in one write. A connection that is lost, in whatever
// way, is lost for its session (session().lose()), which tells every stream.
#pragma once

#include <rondo/http/http2/session.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/runtime/receive.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <exception>
#include <span>

namespace rondo::http::detail {

class http2_connection {
 public:
  // On a stream that outlives it. Throws std::bad_alloc.
  http2_connection(http2_role role, transport& stream, const http2_settings& settings)
      : session_(role, settings), stream_(stream) {}
  http2_connection(const http2_connection&) = delete;
  http2_connection& operator=(const http2_connection&) = delete;

  http2_session& session() noexcept { return session_; }
  transport& stream() noexcept { return stream_; }
  // What ended the stream, where that was an error.
  const std::exception_ptr& failure() const noexcept { return failure_; }

  // Waits for bytes, and gives them to the session. False: there are none any more, and the session
  // is lost. True without any: read_has_expired(). Cancellation: nothing is lost. One at a time.
  task<bool> read_some();
  // The same for bytes that have been read already; false when memory ran out.
  bool take(std::span<const std::byte> bytes) noexcept;
  // Writes what the session has to say, as soon as it has, until it is finished or lost.
  // Cancellation: the session is lost when a write was under way.
  task<> write();

 protected:
  ~http2_connection() = default;

  // Around each write, for who keeps a clock; `n` bytes of it have gone.
  virtual void write_begins() noexcept {}
  virtual void write_moved(std::size_t /*n*/) noexcept {}
  virtual void write_ends() noexcept {}
  // Of a read that has failed: its time was over, and nothing is lost.
  virtual bool read_has_expired() noexcept { return false; }

 private:
  template <class Stream>
  task<bool> read_from(Stream& stream);
  template <class Stream>
  task<> write_to(Stream& stream);
  void lose(std::exception_ptr why) noexcept;

  http2_session session_;
  transport& stream_;
  read_buffer buffer_;  // where the stream lends none
  std::exception_ptr failure_;
};

// Of a role that needs no clock of its own for writing.
class plain_http2_connection final : public http2_connection {
 public:
  using http2_connection::http2_connection;
};

}  // namespace rondo::http::detail
