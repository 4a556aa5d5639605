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
#include <rondo/http/http2/native.hpp>
#include <rondo/http/http2/native_memory.hpp>
#include <rondo/http/http2/stream.hpp>
#include <rondo/http/http2/stream_history.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/event.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace rondo::http::detail {

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
  friend struct http2_callbacks;

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
  std::size_t expected_ = 0;  // bytes of the next write: as many as the last one's
  std::uint64_t before_ = 0;  // where out_ begins

  rondo::detail::time_point now_{};
  http2_budget resets_;
  http2_budget faults_;
  stream_history history_;
  http2_stream* latest_ = nullptr;  // of libnghttp2's open ones, whom a callback was about
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
