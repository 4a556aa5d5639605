// A WebSocket on its stream: who reads, who writes, and how it ends. Internal.
//
// One task at a time reads: in receive(), or in close() when nobody else does. The other waits for
// the end, and takes over from one that is cancelled. Whoever writes holds the line, and writes
// what stands in the engine, his own frame last. What the reader has to say (a pong, an answer to
// Close) it says without waiting, or leaves to the next writer; when there is something left while
// it waits for bytes, it waits for both.
//
//   open ──▶ closing (a Close was sent or came) ──▶ ended
//     └────────────── lost, failed ─────────────────▲
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/http/websocket/engine.hpp>
#include <rondo/http/websocket_message.hpp>
#include <rondo/http/websocket_options.hpp>
#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/core/timers.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/mutex.hpp>
#include <rondo/runtime/outcome.hpp>
#include <rondo/runtime/receive.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http::detail {

// What stays of the options once the handshake is over. Most connections of a thread have the same,
// and share them.
struct websocket_times {
  bool operator==(const websocket_times&) const = default;
  rondo::detail::nanoseconds heartbeat;
  rondo::detail::nanoseconds patience;
  rondo::detail::nanoseconds write;
  rondo::detail::nanoseconds close;
};

class websocket_connection : private rondo::detail::timer {
 public:
  // `first` is what had come behind the handshake's head.
  websocket_connection(side s, transport stream, std::string first, const websocket_options& o);
  websocket_connection(const websocket_connection&) = delete;
  websocket_connection& operator=(const websocket_connection&) = delete;
  // At rest, tells the peer 1001 (1011 while an exception unwinds), if that can be done at once.
  ~websocket_connection();

  void set_deflate(const deflate_terms& terms) { engine_.set_deflate(terms); }
  void set_protocol(std::string name) {
    if (!name.empty()) others().protocol = std::move(name);
  }
  const std::string& protocol() const noexcept;
  // A client's on a stream of HTTP/2: it ends its direction when both have closed, and waits for no
  // end of the server's. A stream leaves no port behind.
  void set_on_stream() noexcept { awaits_end_ = false; }

  task<std::optional<websocket_message>> receive();
  task<> send(opcode kind, std::span<const std::byte> payload);
  // The same of a frame that was made before: `wire` is that of a server, with a head of so many
  // bytes. It must stay until this completes.
  task<> send_framed(opcode kind, std::span<const std::byte> wire, std::size_t head);
  // A piece of a message whose writer holds the line.
  task<> send_piece(opcode kind, std::span<const std::byte> payload, bool last);
  bool try_send(opcode kind, std::span<const std::byte> payload);
  task<rondo::detail::nanoseconds> ping();
  task<> close(std::uint16_t code, std::string_view reason);
  // Tells the peer why, and waits for nothing: who receives goes on until the peer answers.
  void leave(std::uint16_t code) noexcept;

  mutex& line() noexcept { return line_; }
  void check_writable() const;
  // Unless a Close follows, which may stand between two fragments, nothing can.
  void cut_message() noexcept {
    if (engine_.in_a_frame() || !engine_.close_was_put()) broken_ = true;
  }

  bool ended() const noexcept { return ended_; }
  std::uint16_t code() const noexcept { return engine_.code(); }
  const std::string& reason() const noexcept { return engine_.reason(); }
  net::endpoint remote_endpoint() { return stream_.remote_endpoint(); }

 private:
  enum class reader : std::uint8_t { nobody, receive, close };
  // What few connections have.
  struct extras : rondo::detail::pooled {
    std::string protocol;
    // For those who wait in here without reading.
    rondo::event reader_left;  // or the connection has ended
    rondo::event pong_came;
    std::uint64_t pings = 0;     // that ping() has sent
    std::uint64_t pongs_to = 0;  // the newest of them that was answered
  };
  // What was read stands in a buffer.
  enum class buffer : std::uint8_t {
    none,
    lent,   // by the loop, to a plain socket
    first,  // of the size of what came behind the handshake
    own,    // read_buffer_bytes: of another stream, once it has read
  };
  class reading_turn;
  class cut_in_two;
  class arrival;

  // Everything that is buffered, up to something to say.
  engine::step take_buffered();
  // What receive() finds before it waits: what it gives, or what it does first.
  enum class found : std::uint8_t {
    message,
    end,
    ending,            // the peer has closed, or broken a rule: that is answered
    nothing,           // of a plain socket, which lends a buffer
    nothing_buffered,  // of another stream
    something_unsent,  // goes beside the reading
    another_reader,    // close(), which has it to the end
  };
  found look(reading_turn& turn);
  task<> go_on(found what);
  websocket_message take_message();
  task<> read();
  template <class Stream>
  task<> read_from(Stream& stream);
  std::span<std::byte> unread() const noexcept { return {buffer_ + unread_begin_, unread_size_}; }
  void drop_buffer() noexcept;
  // Makes place for what is read next; a buffer of our own stays.
  void let_go_of_what_was_read() noexcept {
    if (buffer_is_ != buffer::own) drop_buffer();
  }
  // What a read gave. Throw websocket_error: the connection is lost.
  void took(arrival& a);
  void heard(std::byte* buffer, std::size_t n);
  [[noreturn]] void lose_reading(const std::exception_ptr& why);
  void feel_heart() noexcept;
  rondo::detail::time_point next_beat() const noexcept;
  static void heart_beats(rondo::detail::timer& t) noexcept;
  void send_beat(rondo::detail::time_point now) noexcept;
  task<> read_beside_writing();
  void note_pong() noexcept;
  // Until such a one reads no more, or the connection has ended.
  task<> until_left_by(reader who);

  // What can go without waiting goes. False: something is left.
  bool write_now() noexcept;
  bool has_unsent() const noexcept;
  // All that stands in the engine goes. The line is held.
  task<> write_out();
  task<> wait_for_room();
  template <class Stream>
  task<> wait_for_room_of(Stream& stream);
  task<> write_whole(std::span<const std::byte> payload);
  task<> send_large(opcode kind, std::span<const std::byte> payload);
  task<> send_wire(std::span<const std::byte> wire);

  // The peer's Close has come, or it broke a rule: ours goes, and the stream is closed in order.
  task<> finish();
  task<> say_last_words();
  task<> read_to_the_end();
  task<> shake_hands_to_close(std::uint16_t code, std::string_view reason);
  // What is given up leaves nothing to be sent: on a stream of HTTP/2 it is a reset.
  enum class ending : std::uint8_t { in_order, given_up };
  void end(ending how) noexcept;
  [[noreturn]] void lose(const std::string& why, ending how = ending::given_up);
  [[noreturn]] void throw_failure() const;

  extras& others() {
    if (!others_) others_ = std::make_unique<extras>();
    return *others_;
  }

  side side_;  // these five bytes where the timer ends
  reader reading_ = reader::nobody;
  bool writing_ = false;  // the kernel has bytes of the engine
  bool ended_ = false;
  bool broken_ : 1 = false;    // a message was cut in two: nothing can follow
  bool failed_ : 1 = false;    // the peer broke a rule
  bool pinged_ : 1 = false;    // a heartbeat's ping is out, and nothing has come since
  bool given_up_ : 1 = false;  // for want of an answer
  bool awaits_end_ : 1;        // the peer closes the transport first
  buffer buffer_is_ : 2 = buffer::none;
  engine engine_;
  transport stream_;
  std::shared_ptr<const websocket_times> times_;
  rondo::detail::time_point since_;  // something came last; or, while pinged_, the ping went
  std::byte* buffer_ = nullptr;
  std::uint32_t unread_begin_ = 0;  // in it
  std::uint32_t unread_size_ = 0;
  mutex line_;
  std::unique_ptr<extras> others_;
};
static_assert(sizeof(websocket_connection) <= 216, "an idle WebSocket has one");

}  // namespace rondo::http::detail
