// One end of an HTTP/2 connection without I/O (RFC 9113), of either role, on libnghttp2: bytes in,
// bytes out, and streams. Internal.
//
//   http2_session s(http2_role::client, settings);
//   http2_stream_ref st = s.open(head, true);
//   while (…) { s.receive(read(), now); for (bytes = s.unsent(); …) s.sent(write(bytes)); }
//   st->head_came(), st->take(…)
//
// Who owns what. A session has libnghttp2's, the bytes that are to go, and the list of its streams.
// A stream is an object of its own. It lives as long as somebody needs it: libnghttp2, because it
// is open on the wire, or the handle (http2_stream_ref) of whoever reads and writes it. A handle
// may outlive the session: its stream is then lost, and says so.
//
// Callbacks only enqueue. Within receive() and unsent() nobody is resumed and nothing is sent: what
// came stands in the streams, and the events `incoming` and `outgoing` of those that changed are
// set, which makes who waits ready. What streams are asked (a reset, bytes that were read, bytes to
// be sent) marks them, too, and is told to libnghttp2 in unsent(): so reset() and a handle's end
// never fail, and cost a link in a list.
//
//   what a stream has of the other side       what it has of ours
//   waiting ──head──▶ body ──END_STREAM──▶ ended     unsaid ──send_head()──▶ body ──end()──▶ ended
//
//   open ──both have ended on the wire──▶ closed (no_error)
//     ├──RST_STREAM came, or GOAWAY below it──▶ closed by the peer, with its code
//     ├──reset(), or a broken rule──▶ closed by us, with a code; until the frame has been written
//     │                              (sent()), its place counts as taken
//     └──the connection has ended──▶ closed, lost
//
// A handle that goes while its stream is open: cancelled (RST_STREAM, CANCEL), unless our side has
// ended. Then what is still to be sent goes, and after it, if the other side has not ended,
// RST_STREAM (NO_ERROR), section 8.1.
//
// Credit. A stream's comes back when somebody takes its bytes. The connection's comes back on
// arrival as long as all that is buffered is under a cap, else with the bytes; what nobody will
// take counts as taken. Nothing is buffered beyond the cap and one window of the connection.
//
// What a peer may do is bounded, because the versions of libnghttp2 that we take lack its newer
// limits: resets, resets that its faults make us send, frames that carry nothing, answers that it
// does not take, settings, continuations, and the size of a head. Past one of these the connection
// ends with ENHANCE_YOUR_CALM.
#pragma once

#include <rondo/http/http2/budget.hpp>
#include <rondo/http/http2/error_code.hpp>
#include <rondo/http/http2/head.hpp>
#include <rondo/http/http2/stream_history.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/event.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct nghttp2_session;

namespace rondo::http::detail {

enum class http2_role : std::uint8_t { client, server };

// What we tell the peer, and what we bear. Those of a server; a client's are its caller's.
struct http2_settings {
  std::uint32_t streams = 100;  // of the peer's at once
  std::uint32_t stream_window = 256 * 1024;
  std::uint32_t connection_window = 1024 * 1024;
  std::size_t buffered = std::size_t{4} << 20;  // in all, until credit waits for readers
  std::uint32_t head_bytes = 64 * 1024;         // as section 6.5.2 counts: 32 more a field
  std::uint32_t fields = 128;
  bool extended_connect = false;  // a server's: RFC 8441
  // Where resets are too many.
  std::uint32_t resets = 1000;
  std::uint32_t resets_per_second = 200;
  std::uint32_t faults = 1000;
  std::uint32_t faults_per_second = 33;
};

class http2_session;

// Who has to hear of it when a stream ends by the peer's will, by a broken rule or with its
// connection. Called from within receive() and unsent(): it may mark and enqueue, and nothing else.
class http2_stream_owner {
 public:
  virtual void stream_ended() noexcept = 0;

 protected:
  ~http2_stream_owner() = default;
};

class http2_stream : public rondo::detail::list_node {
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
  friend struct http2_hooks;

  explicit http2_stream(http2_session& s) noexcept : session_(&s) {}
  ~http2_stream() = default;

  std::size_t out_size() const noexcept { return out_.size() - out_begin_; }
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

// What libnghttp2 has allocated for a session: by operator new, as all of ours, so that what counts
// or refuses ours does the same to it.
struct http2_memory {
  http2_memory() = default;
  http2_memory(const http2_memory&) = delete;
  http2_memory& operator=(const http2_memory&) = delete;
  ~http2_memory();  // releases what is left

  rondo::detail::intrusive_list<rondo::detail::list_node> blocks;
  bool ran_out = false;
};

class http2_session {
 public:
  // Throws std::bad_alloc.
  http2_session(http2_role role, const http2_settings& settings);
  http2_session(const http2_session&) = delete;
  http2_session& operator=(const http2_session&) = delete;
  ~http2_session();

  // --- bytes ---

  // What has come. A broken rule ends the session: what says so to the peer is unsent then, and the
  // rest is ignored. Throws std::bad_alloc, and then only lose() may follow.
  void receive(std::span<const std::byte> bytes, rondo::detail::time_point now);
  // What is to be written next, 16 to 64 KiB at a time where there is so much; it stays where it is
  // until sent() has been told of all of it. Throws as receive().
  std::span<const std::byte> unsent();
  void sent(std::size_t n) noexcept;
  // Set when unsent() may have something to say.
  rondo::event output;
  // Nothing more comes that is of use, or goes: the connection can be closed when this is sent.
  bool finished() const noexcept;
  // The connection has gone, with whatever was open.
  void lose() noexcept;

  // --- streams ---

  // A client's request. `end`: it has no body. Its number is given here; when the session takes no
  // more, it is closed at once and refused(). Throws std::bad_alloc.
  http2_stream_ref open(const http2_head& h, bool end);
  // A server's: the next stream whose request's head has come; empty when there is none. It may be
  // closed already.
  http2_stream_ref accept() noexcept;
  bool has_arrived() const noexcept { return !arrived_.empty(); }
  std::size_t arrived() const noexcept { return arrived_count_; }
  // Set when one has arrived, when GOAWAY came or settings have changed, and at the end.
  rondo::event changed;
  // Places that are taken: streams that are open for the peer, as far as it can know.
  std::size_t places() const noexcept { return places_; }
  // How many the peer takes at once: 100 until it says.
  std::uint32_t peer_streams() const noexcept;
  bool peer_takes_extended_connect() const noexcept;
  // Bytes that were buffered and not taken.
  std::size_t buffered() const noexcept { return buffered_; }

  // --- the connection ---

  bool preface_came() const noexcept { return preface_came_; }
  bool settings_came() const noexcept { return settings_came_; }
  // A head has begun to come and has not ended.
  bool head_under_way() const noexcept { return head_under_way_; }
  bool settings_acknowledged() const noexcept { return settings_acknowledged_; }
  // The peer sends no new requests, or answers none above last_answered().
  bool goaway_came() const noexcept { return goaway_came_; }
  http2_code goaway_code() const noexcept { return goaway_code_; }
  std::int32_t last_answered() const noexcept { return last_answered_; }
  // It has ended by a broken rule, the peer's or ours: with this code.
  bool failed() const noexcept { return failed_; }
  http2_code failure() const noexcept { return failure_; }
  bool is_lost() const noexcept { return lost_; }

  // Asks whether the peer is there. pongs() counts answers; one is under way at a time.
  void ping();
  rondo::event pong_came;
  bool ping_under_way() const noexcept { return pings_ > pongs_; }
  std::uint64_t pongs() const noexcept { return pongs_; }
  // GOAWAY that gives no number yet, and then the true one: streams go on.
  void announce_shutdown();
  void shut_down();
  // So many streams of the peer's at once from now on. Throws std::bad_alloc.
  void limit_streams(std::uint32_t n);
  // GOAWAY with a code, and nothing after it.
  void fail(http2_code code) noexcept;
  // Every frame that came or was made ready: for -v, tests and metrics.
  struct frame_note {
    bool outgoing;
    std::uint8_t type;
    std::uint8_t flags;
    std::int32_t stream;
    std::size_t length;
  };
  class observer {
   public:
    virtual void frame(const frame_note& f) noexcept = 0;

   protected:
    ~observer() = default;
  };
  void observe(observer* o) noexcept { observer_ = o; }

 private:
  friend class http2_stream;
  friend class http2_stream_ref;
  friend struct http2_hooks;

  struct native_delete {
    http2_memory* memory;
    void operator()(nghttp2_session* s) const noexcept;
  };

  std::size_t look_at(std::span<const std::byte> bytes) noexcept;
  // The rule that a frame breaks by its head alone.
  std::optional<http2_code> judge(const frame_note& f) noexcept;
  bool depends_on_itself(std::span<const std::byte> piece) noexcept;
  // What streams and rules have left to be told to libnghttp2.
  void tell_due();
  void mark_due(http2_stream& s) noexcept;
  void give_credit(std::size_t n) noexcept {
    credit_ += n;
    output.set();
  }
  void forget_body(http2_stream& s) noexcept;
  void conclude(http2_stream& s, http2_code code, bool by_peer) noexcept;
  void leave_place(http2_stream& s) noexcept;
  void free_places() noexcept;
  static void release(http2_stream& s) noexcept;
  // The session goes no further: what libnghttp2 has said is the reason.
  void give_up(int error);
  void end_streams(http2_code code) noexcept;

  http2_role role_;
  http2_settings settings_;
  http2_memory memory_;
  std::unique_ptr<nghttp2_session, native_delete> native_;
  rondo::detail::intrusive_list<http2_stream> streams_;
  rondo::detail::intrusive_list<http2_stream::link> due_;
  rondo::detail::intrusive_list<http2_stream::link> arrived_;
  rondo::detail::intrusive_list<http2_stream::link> leaving_;
  std::size_t arrived_count_ = 0;
  std::size_t places_ = 0;
  std::size_t buffered_ = 0;
  std::size_t credit_ = 0;  // of the connection, to be given back

  std::string out_;
  std::size_t sent_ = 0;      // of out_
  std::uint64_t before_ = 0;  // where out_ begins

  rondo::detail::time_point now_{};
  http2_budget resets_;
  http2_budget faults_;
  stream_history history_;
  // The frame that comes.
  std::array<std::byte, 9> head_{};
  std::uint8_t head_have_ = 0;
  std::uint32_t skip_;             // bytes that are no frame's head
  std::uint32_t prioritized_ = 0;  // whose PRIORITY comes
  std::uint32_t depends_on_ = 0;   // on whom, as far as it has come
  std::uint64_t useful_ = 0;       // bytes of bodies and heads, both ways
  std::uint64_t came_ = 0;         // bytes in all
  std::uint32_t continuations_ = 0;
  std::uint64_t pings_ = 0;
  std::uint64_t pongs_ = 0;
  std::int32_t last_answered_ = 0;
  http2_code goaway_code_ = http2_code::no_error;
  http2_code failure_ = http2_code::no_error;
  bool preface_came_ = false;
  bool settings_came_ = false;
  bool settings_acknowledged_ = false;
  bool goaway_came_ = false;
  bool head_under_way_ = false;
  bool head_ends_ = false;  // with the frame that comes
  bool failed_ = false;
  bool verdict_told_ = false;  // libnghttp2 knows that it has failed
  bool no_memory_ = false;     // in a callback
  bool writing_ = false;       // in unsent()
  bool full_ = false;          // there is enough for one write
  bool deaf_ = false;          // libnghttp2 is not asked any more
  bool lost_ = false;
  observer* observer_ = nullptr;
};

}  // namespace rondo::http::detail
