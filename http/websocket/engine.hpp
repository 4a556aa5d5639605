// The WebSocket protocol without I/O (RFC 6455, 7692): bytes in, messages out; what must go out
// stands inside. Internal.
//
//     engine e(side::server, limits);
//     switch (e.take(bytes)) { case engine::step::message: use(e.message()); … }
//     while (!e.unsent().empty()) e.sent(write(e.unsent()));
//
// What came of a message stands in here, in whatever pieces it came: nothing is lost when whoever
// reads is cancelled between two of them. The same goes for what is to be sent. A frame that was
// put in is taken back while none of its bytes has gone; one that was begun stays, and goes before
// the next. Both are there only while there is something of them, so that one of ten thousand idle
// connections has 72 bytes here.
//
//   open ──close came──▶ the peer closed ──our Close put in──▶ closed
//     │                                                          ▲
//     ├──our Close put in──▶ we closed ──────close came──────────┘
//     └──broken rule──▶ failed: our Close says why, and nothing more is taken
#pragma once

#include <rondo/http/websocket/close_code.hpp>
#include <rondo/http/websocket/deflate.hpp>
#include <rondo/http/websocket/frame.hpp>
#include <rondo/http/websocket/utf8_check.hpp>
#include <rondo/runtime/core/frame_pool.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http::detail {

enum class side : std::uint8_t { client, server };

struct engine_limits {
  std::size_t message_bytes = std::size_t{1} << 20;  // after inflating, too
  std::uint32_t fragments = 1024;                    // of a message, empty ones counted
  std::uint32_t smallest_compressed = 1024;          // what is less is sent as it is
};

class engine {
 public:
  explicit engine(side s, const engine_limits& limits = {});

  // What the handshake agreed on; before the first byte.
  void set_deflate(const deflate_terms& terms) {
    deflate_ = std::make_unique<deflate_codec>(terms);
  }

  // --- what comes ---

  enum class step : std::uint8_t {
    more,     // all that was given is used up
    message,  // message() and is_text() until the next call
    pong,     // pong_payload() until the next call
    closed,   // the peer's Close: code() and reason()
    failed,   // the peer broke a rule: code() and reason() are what our Close says
  };
  // Takes from the front of `input` until there is something to say. Unmasks in place. After
  // `closed` and `failed` nothing more may be given. Throws std::bad_alloc.
  step take(std::span<std::byte>& input);
  // The same of no input.
  void take_nothing() noexcept {
    if (!in_) return;
    if (told_) in_->message.clear();
    told_ = false;
    if (in_->between_messages()) in_.reset();
  }

  std::string& message() noexcept { return in_->message; }
  bool is_text() const noexcept { return in_->text; }
  std::string_view pong_payload() const noexcept { return in_->control_text(); }
  std::uint16_t code() const noexcept { return code_; }
  const std::string& reason() const noexcept;

  // --- what goes ---

  // A whole message, or with `last` false its first piece; the others are continuations. Says where
  // it begins, for take_back(). Throws std::bad_alloc, and has then changed nothing. Nothing may be
  // put in behind our Close.
  std::uint64_t put(opcode kind, std::span<const std::byte> payload, bool last = true);
  // The head alone of a message whose `length` bytes the caller writes itself, right after what is
  // unsent; for a server, whose bytes are not masked. Until frame_ended() nothing may be put in.
  void put_head(opcode kind, std::uint64_t length);
  // A Close that had to wait for this goes now. Throws std::bad_alloc.
  void frame_ended();
  bool in_a_frame() const noexcept { return in_a_frame_; }
  // The rest of a frame that the caller has made, of which the first `gone` bytes have been
  // written: if there are any, it cannot be taken back. Says where it begins. Throws
  // std::bad_alloc.
  std::uint64_t put_framed(std::span<const std::byte> rest, std::size_t gone);
  void put_ping(std::span<const std::byte> payload) { put(opcode::ping, payload); }
  // Once; a second call does nothing. `reason` is cut to what a Close has room for, between two
  // characters.
  void put_close(std::uint16_t code, std::string_view reason);
  // Whole messages may be compressed.
  bool compresses() const noexcept { return deflate_ != nullptr; }
  bool compresses(std::size_t size) const noexcept {
    return compresses() && size >= limits_.smallest_compressed;
  }
  bool close_was_put() const noexcept { return close_put_; }
  bool close_came() const noexcept { return close_came_; }

  // Takes back the last frame that was put in, which begins at `begin`, if nothing of it has gone
  // and nothing was put in behind it; else it stays. True when it was.
  bool take_back(std::uint64_t begin) noexcept;

  // What is to be written next; the bytes stay where they are until sent() has been told of them
  // all, whatever is put in meanwhile. A pong that is due goes in at the end, if no frame is open.
  std::span<const std::byte> unsent();
  bool has_unsent() const noexcept { return unsent_bytes() > 0 || (pong_ && !in_a_frame_); }
  std::size_t unsent_bytes() const noexcept {
    return out_ ? out_->bytes.size() - out_->sent + out_->next.size() : 0;
  }
  void sent(std::size_t n) noexcept;

 private:
  // What is coming: from the first byte of a frame until its message, or its pong, has been told.
  struct incoming : rondo::detail::pooled {
    std::string_view control_text() const noexcept {
      return {reinterpret_cast<const char*>(control.data()), control_size};
    }
    bool between_messages() const noexcept { return !in_payload && head_have == 0 && !open; }

    // The frame.
    frame_head frame;
    std::uint64_t taken = 0;  // of its payload
    std::array<std::byte, longest_frame_head> head_bytes{};
    std::uint8_t head_have = 0;
    bool in_payload = false;
    // The message.
    std::string message;
    std::uint32_t fragments = 0;
    utf8_check utf8;
    bool open = false;  // a fragment has come, and not the last
    bool text = false;
    bool compressed = false;
    // The control frame.
    std::uint8_t control_size = 0;
    std::array<std::byte, longest_control_payload> control{};
  };
  // What goes out, as long as anything does.
  struct outgoing {
    std::string bytes;  // on their way
    std::string next;   // behind them
    std::size_t sent = 0;
    std::uint64_t kept_to = 0;     // nothing before this can be taken back
    std::uint64_t pong_end = 0;    // of the last pong that was put in
    std::size_t pongs_unsent = 0;  // their bytes, until all of them have gone
  };
  struct pong_payload_of : rondo::detail::pooled {
    std::uint8_t size = 0;
    std::array<std::byte, longest_control_payload> bytes{};
  };

  step head_came(std::span<const std::byte> head);
  step payload_came(std::span<std::byte> piece);
  void make_room(std::size_t n);
  step frame_came();
  step message_came();
  step control_came();
  step fail(std::uint16_t code, std::string_view why);
  static thread_local std::unique_ptr<outgoing> spare;
  // Throws std::bad_alloc.
  outgoing& out();
  void give_back_out() noexcept;
  void append_frame(frame_head head, std::span<const std::byte> payload);
  void append_close(std::uint16_t code, std::string_view reason);
  // Answers the newest ping, when there is room for that.
  void put_pong();
  // Positions count from the first byte that was ever put in.
  std::uint64_t end() const noexcept {
    return before_ + (out_ ? out_->bytes.size() + out_->next.size() : 0);
  }

  // Of pongs that stand unsent. A peer that pings and does not read makes us hold no more: of the
  // pings after that, the newest is answered (RFC 6455, section 5.5.3).
  static constexpr std::size_t most_pongs = 4096;

  engine_limits limits_;
  std::unique_ptr<deflate_codec> deflate_;
  std::unique_ptr<incoming> in_;
  std::unique_ptr<pong_payload_of> pong_;  // that of the newest ping that was not answered
  std::unique_ptr<const std::string> reason_;
  std::unique_ptr<outgoing> out_;
  std::uint64_t before_ = 0;  // where its bytes begin
  std::uint16_t code_ = close_code::lost;
  std::uint16_t late_close_ = 0;  // its code, while a frame is open
  side side_;
  bool told_ : 1 = false;  // the message was handed out
  bool close_came_ : 1 = false;
  bool close_put_ : 1 = false;
  bool in_a_frame_ : 1 = false;
};

}  // namespace rondo::http::detail
