// One stream of an HTTP/2 session, and the handle of whoever reads and writes it
// (stream_members.cpp). Internal. Its states, and who owns it, are said in session.hpp.
#pragma once

#include <rondo/http/http2/error_code.hpp>
#include <rondo/http/http2/head.hpp>
#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/event.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <utility>

namespace rondo::http::detail {

class http2_session;

// Who has to hear of it when a stream ends by the peer's will, by a broken rule or with its
// connection. Called from within receive() and unsent(): it may mark and enqueue, and nothing else.
class http2_stream_owner {
 public:
  virtual void stream_ended() noexcept = 0;

 protected:
  ~http2_stream_owner() = default;
};

class http2_stream : public rondo::detail::list_node, public rondo::detail::pooled {
 public:
  // Of our side, that may stand in a stream until it has been sent.
  static constexpr std::size_t most_unsent = 64 * 1024;

  http2_stream(const http2_stream&) = delete;
  http2_stream& operator=(const http2_stream&) = delete;

  std::int32_t id() const noexcept { return id_; }

  // --- what comes ---

  // Set whenever something of this has changed.
  rondo::event incoming;
  // The request's, or the final response's. A head that is too large has came as well: what does
  // not fit in is missing.
  bool head_came() const noexcept { return head_came_; }
  bool head_too_large() const noexcept { return head_too_large_; }
  http2_head& head() noexcept { return head_; }
  // Of a client's: interim responses that nobody has taken, the oldest first; 16 at most, and then
  // the stream is reset.
  std::list<http2_head>& interim() noexcept { return interim_; }
  // Bytes of the body that have come and were not taken.
  std::size_t unread() const noexcept { return body_.size() - body_begin_; }
  // Takes them, this many at most, and so gives their credit back; empty when there are none.
  std::string take_body(std::size_t most = std::string::npos);
  std::size_t take_body(std::span<std::byte> into) noexcept;
  // The other side has ended: what is unread is all that comes. trailers() is what followed.
  bool in_ended() const noexcept { return in_ended_; }
  http::headers& trailers() noexcept { return trailers_; }

  // --- what goes ---

  // Set when there is room again, when all has been sent, and when it is closed.
  rondo::event outgoing;
  // A server's: the response's head, or an interim one (1xx). `end`: no body follows. Throws
  // std::bad_alloc. On a stream that is closed: does nothing.
  void send_head(const http2_head& h, bool end);
  // How much write() would take.
  std::size_t room() const noexcept {
    return out_size() < most_unsent && !closed_ && !out_ended_ ? most_unsent - out_size() : 0;
  }
  // Takes what there is room for, and says how much: after the head and before end(). Throws
  // std::bad_alloc.
  std::size_t write(std::span<const std::byte> bytes);
  // Ours ends with what was written, and then these fields. Throws std::bad_alloc.
  void end(http::headers trailers = {});
  bool out_ended() const noexcept { return out_ended_; }
  // Our END_STREAM stands in what is to be written, or has been.
  bool all_sent() const noexcept { return end_sent_; }
  // Bytes that nobody has asked for yet: the peer's windows, or the socket, are in the way.
  std::size_t unsent() const noexcept { return out_size(); }
  // How much of our body was handed on in all: whether it moves.
  std::uint64_t moved() const noexcept { return moved_; }

  // --- how it ends ---

  // Asks for RST_STREAM with this code; from here on it is closed for us. The first word counts.
  void reset(http2_code code) noexcept;
  // Nothing more comes or goes.
  bool closed() const noexcept { return closed_; }
  http2_code code() const noexcept { return code_; }
  bool closed_by_peer() const noexcept { return by_peer_; }
  // The connection has ended under it.
  bool lost() const noexcept { return lost_; }
  // A peer has not begun on it: GOAWAY below its number, or REFUSED_STREAM (section 8.7).
  bool refused() const noexcept { return closed_ && code_ == http2_code::refused_stream; }
  // Null: nobody. It hears nothing of reset(), or of an end in good order.
  void set_owner(http2_stream_owner* o) noexcept { owner_ = o; }

 private:
  friend class http2_session;
  friend class http2_stream_ref;
  friend struct http2_callbacks;

  explicit http2_stream(http2_session& s) noexcept : session_(&s) {}
  ~http2_stream() = default;

  std::size_t out_size() const noexcept { return out_.size() - out_begin_; }
  // So many bytes were taken from where the body begins, or all of it.
  void give_credit_of(std::size_t n) noexcept;
  void changed() noexcept {
    incoming.set();
    outgoing.set();
  }

  // A place in one of the session's lines.
  struct link : rondo::detail::list_node {
    explicit link(http2_stream& s) noexcept : stream(s) {}
    http2_stream& stream;
  };

  http2_session* session_;  // null: it has gone
  http2_stream_owner* owner_ = nullptr;
  link due_{*this};      // it has something for libnghttp2
  link arrived_{*this};  // a request that nobody has taken
  link leaving_{*this};  // closed by what has not been written yet
  std::int32_t id_ = -1;

  http2_head head_;
  std::list<http2_head> interim_;
  http::headers trailers_;
  std::string body_;
  std::size_t body_begin_ = 0;  // what is before has been taken
  std::size_t held_ = 0;        // of its bytes, whose credit of the connection waits for a reader
  std::size_t credit_ = 0;      // of the stream, to be given back
  std::uint32_t head_size_ = 0;
  std::string out_;
  std::size_t out_begin_ = 0;
  std::uint64_t moved_ = 0;
  http::headers out_trailers_;
  std::uint64_t closed_at_ = 0;  // where what closed it ends, of the session's bytes
  http2_code code_ = http2_code::no_error;

  bool open_ : 1 = true;  // for libnghttp2
  bool held_by_ref_ : 1 = false;
  bool head_came_ : 1 = false;
  bool head_too_large_ : 1 = false;
  bool in_ended_ : 1 = false;
  bool head_said_ : 1 = false;
  bool out_ended_ : 1 = false;
  bool end_sent_ : 1 = false;
  bool deferred_ : 1 = false;    // libnghttp2 waits to hear of more
  bool reset_due_ : 1 = false;   // RST_STREAM is to be submitted
  bool reset_ours_ : 1 = false;  // it was: libnghttp2's own are for the peer's faults
  bool reset_came_ : 1 = false;
  bool abandoned_ : 1 = false;  // by its handle, when our side had ended
  bool counts_ : 1 = true;      // its place is taken
  bool closed_ : 1 = false;
  bool by_peer_ : 1 = false;
  bool lost_ : 1 = false;
};

// Whoever reads and writes a stream. Movable; its end is noexcept, and what that does is said at
// the top.
class http2_stream_ref {
 public:
  http2_stream_ref() = default;
  http2_stream_ref(http2_stream_ref&& other) noexcept
      : stream_(std::exchange(other.stream_, nullptr)) {}
  http2_stream_ref& operator=(http2_stream_ref&& other) noexcept {
    if (this != &other) {
      drop();
      stream_ = std::exchange(other.stream_, nullptr);
    }
    return *this;
  }
  ~http2_stream_ref() { drop(); }

  explicit operator bool() const noexcept { return stream_ != nullptr; }
  http2_stream* operator->() const noexcept { return stream_; }
  http2_stream& operator*() const noexcept { return *stream_; }
  void drop() noexcept;

 private:
  friend class http2_session;
  explicit http2_stream_ref(http2_stream& s) noexcept : stream_(&s) { s.held_by_ref_ = true; }
  http2_stream* stream_ = nullptr;
};

}  // namespace rondo::http::detail
