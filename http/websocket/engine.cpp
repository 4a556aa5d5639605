#include <rondo/http/websocket/engine.hpp>
#include <rondo/http/websocket/mask_source.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace rondo::http::detail {
namespace {

// Of the two buffers of what goes out, what is kept while nothing does.
constexpr std::size_t most_kept = 128;

std::span<const std::byte> bytes_of_text(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

// The longest beginning of `text` that has at most `most` bytes and ends between two characters.
std::string_view cut(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

bool is_known(opcode o) noexcept {
  const auto n = static_cast<std::uint8_t>(o);
  return n <= 2 || (n >= 8 && n <= 10);
}

}  // namespace

engine::engine(side s, const engine_limits& limits) : side_(s), limits_(limits) {}

engine::step engine::take(std::span<std::byte>& input) {
  assert(!close_came_);
  if (std::exchange(told_, false)) message_.clear();
  while (!input.empty()) {
    step s = step::more;
    if (!in_payload_ && head_have_ == 0 && input.size() >= 2 &&
        input.size() >= head_size(input[1])) {  // as a whole, as most come
      const std::size_t n = head_size(input[1]);
      s = head_came(input.first(n));
      input = input.subspan(n);
    } else if (!in_payload_) {
      const std::size_t wants = head_have_ < 2 ? 2 : head_size(head_bytes_[1]);
      const std::size_t n = std::min(wants - head_have_, input.size());
      std::ranges::copy(input.first(n), head_bytes_.begin() + head_have_);
      head_have_ = static_cast<std::uint8_t>(head_have_ + n);
      input = input.subspan(n);
      if (head_have_ < 2 || head_have_ < head_size(head_bytes_[1])) continue;
      head_have_ = 0;
      s = head_came(std::span(head_bytes_).first(head_size(head_bytes_[1])));
    } else {
      const auto n =
          static_cast<std::size_t>(std::min<std::uint64_t>(frame_.length - taken_, input.size()));
      s = payload_came(input.first(n));
      input = input.subspan(n);
    }
    if (s == step::more && in_payload_ && taken_ == frame_.length) s = frame_came();
    if (s != step::more) return s;
  }
  return step::more;
}

engine::step engine::head_came(std::span<const std::byte> head) {
  frame_ = read_frame_head(head);
  taken_ = 0;
  in_payload_ = true;
  if (!is_known(frame_.kind)) return fail(close_code::protocol_error, "an opcode that is reserved");
  if (frame_.mask.has_value() != (side_ == side::server))
    return fail(close_code::protocol_error,
                side_ == side::server ? "a client's frame without a mask" : "a server's with one");
  if (!length_is_canonical(head))
    return fail(close_code::protocol_error, "a length in more bytes than it needs");
  const bool continues = frame_.kind == opcode::continuation;
  const bool may_be_compressed = deflate_ && !continues && !is_control(frame_.kind);
  if ((frame_.reserved & (may_be_compressed ? ~rsv1 : ~0)) != 0)
    return fail(close_code::protocol_error, "a reserved bit that nobody agreed on");
  if (is_control(frame_.kind)) {
    control_size_ = 0;
    if (!frame_.last) return fail(close_code::protocol_error, "a control frame in fragments");
    if (frame_.length > longest_control_payload)
      return fail(close_code::protocol_error, "a control frame of more than 125 bytes");
    if (frame_.kind == opcode::close && frame_.length == 1)
      return fail(close_code::protocol_error, "a Close with half a code");
    return step::more;
  }
  if (continues != open_)
    return fail(close_code::protocol_error, open_ ? "a message within another that has not ended"
                                                  : "a continuation of no message");
  if (!continues) {
    text_ = frame_.kind == opcode::text;
    compressed_ = (frame_.reserved & rsv1) != 0;
    fragments_ = 0;
    utf8_.begin_again();
  }
  open_ = true;
  if (++fragments_ > limits_.fragments)
    return fail(close_code::too_large, "a message of more fragments than are taken");
  // Before a byte of it is kept. What cannot be compressed gets a little larger: five bytes for
  // each block (RFC 1951, section 3.2.4).
  const std::size_t most =
      limits_.message_bytes + (compressed_ ? limits_.message_bytes / 1024 + 64 : 0);
  if (frame_.length > most - std::min(most, message_.size()))
    return fail(close_code::too_large, "a message larger than is taken");
  return step::more;
}

engine::step engine::payload_came(std::span<std::byte> piece) {
  if (frame_.mask) mask(piece, *frame_.mask, taken_);
  taken_ += piece.size();
  if (is_control(frame_.kind)) {
    std::ranges::copy(piece, control_.begin() + control_size_);
    control_size_ = static_cast<std::uint8_t>(control_size_ + piece.size());
    return step::more;
  }
  if (text_ && !compressed_ && !utf8_.take(piece))
    return fail(close_code::not_utf8, "text that is not UTF-8");
  if (message_.empty()) message_.reserve(piece.size());
  message_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  return step::more;
}

engine::step engine::frame_came() {
  in_payload_ = false;
  if (is_control(frame_.kind)) return control_came();
  if (!frame_.last) return step::more;
  open_ = false;
  return message_came();
}

engine::step engine::message_came() {
  if (compressed_) {
    std::string whole;
    const auto coded = bytes_of_text(message_);
    switch (deflate_->inflate(coded, whole, limits_.message_bytes)) {
      case deflate_codec::verdict::damaged:
        return fail(close_code::not_utf8, "a compressed message that is damaged");
      case deflate_codec::verdict::too_large:
        return fail(close_code::too_large, "a message larger than is taken, after inflating");
      case deflate_codec::verdict::whole: break;
    }
    message_ = std::move(whole);
    if (text_ && !is_utf8(bytes_of_text(message_)))
      return fail(close_code::not_utf8, "text that is not UTF-8");
  } else if (text_ && !utf8_.at_a_border()) {
    return fail(close_code::not_utf8, "text that ends within a character");
  }
  told_ = true;
  return step::message;
}

engine::step engine::control_came() {
  const std::span<const std::byte> payload(control_.data(), control_size_);
  if (frame_.kind == opcode::pong) return step::pong;
  if (frame_.kind == opcode::ping) {
    if (close_put_) return step::more;  // nothing goes behind a Close
    put_pong();                         // the one before
    std::ranges::copy(payload, pong_.begin());
    pong_size_ = control_size_;
    pong_due_ = true;
    return step::more;
  }
  std::uint16_t code = close_code::no_code;
  if (!payload.empty()) {
    code = static_cast<std::uint16_t>(static_cast<std::uint16_t>(payload[0]) << 8 |
                                      static_cast<std::uint16_t>(payload[1]));
    if (!may_be_sent(code)) return fail(close_code::protocol_error, "a Close with a wrong code");
    if (!is_utf8(payload.subspan(2)))
      return fail(close_code::not_utf8, "a Close whose reason is not UTF-8");
    reason_ = control_text().substr(2);
  }
  close_came_ = true;
  code_ = code;
  // Answered with the same code (RFC 6455, section 5.5.1), unless ours stands before.
  put_close(code, {});
  return step::closed;
}

engine::step engine::fail(std::uint16_t code, std::string_view why) {
  close_came_ = true;  // nothing more is taken
  code_ = code;
  reason_ = why;
  message_.clear();
  put_close(code, why);
  return step::failed;
}

void engine::append_frame(frame_head head, std::span<const std::byte> payload) {
  if (side_ == side::client) head.mask = next_mask();
  std::array<std::byte, longest_frame_head> bytes;
  const std::size_t size = write_frame_head(head, bytes);
  const std::size_t begin = next_.size() + size;
  if (next_.capacity() < begin + payload.size())  // from here on nothing throws
    next_.reserve(std::max(begin + payload.size(), 2 * next_.capacity()));
  next_.append(reinterpret_cast<const char*>(bytes.data()), size);
  next_.append(reinterpret_cast<const char*>(payload.data()), payload.size());
  if (!head.mask) return;
  const auto all = std::as_writable_bytes(std::span(next_));
  mask(all.subspan(begin), *head.mask, 0);
}

std::uint64_t engine::put(opcode kind, std::span<const std::byte> payload, bool last) {
  assert(!close_put_ && !in_a_frame_);
  const std::uint64_t begin = end();
  frame_head head{.length = payload.size(), .mask = {}, .kind = kind, .reserved = 0, .last = last};
  const bool whole_message = last && (kind == opcode::text || kind == opcode::binary);
  if (whole_message && compresses(payload.size())) {
    std::string coded;
    try {
      deflate_->compress(payload, coded);
      if (coded.size() < payload.size()) {
        head.length = coded.size();
        head.reserved = rsv1;
        append_frame(head, bytes_of_text(coded));
        return begin;
      }
    } catch (...) {
      deflate_->forget();
      throw;
    }
    deflate_->forget();
  }
  append_frame(head, payload);
  return begin;
}

void engine::put_head(opcode kind, std::uint64_t length) {
  assert(side_ == side::server && !close_put_ && !in_a_frame_);
  append_frame({.length = length, .mask = {}, .kind = kind, .reserved = 0, .last = true}, {});
  in_a_frame_ = true;
}

std::uint64_t engine::put_framed(std::span<const std::byte> rest, std::size_t gone) {
  assert(side_ == side::server && !close_put_ && !in_a_frame_);
  const std::uint64_t begin = end();
  next_.append(reinterpret_cast<const char*>(rest.data()), rest.size());
  if (gone > 0) kept_to_ = end();
  return begin;
}

void engine::put_close(std::uint16_t code, std::string_view reason) {
  if (std::exchange(close_put_, true)) return;
  pong_due_ = false;
  if (in_a_frame_)  // the other side would read it as a part of the message
    late_close_ = code;
  else
    append_close(code, reason);
}

void engine::frame_ended() {
  in_a_frame_ = false;
  if (late_close_ != 0) append_close(std::exchange(late_close_, 0), {});
}

void engine::append_close(std::uint16_t code, std::string_view reason) {
  std::string payload;
  if (code != close_code::no_code) {
    payload += static_cast<char>(code >> 8);
    payload += static_cast<char>(code & 0xFF);
    payload += cut(reason, longest_control_payload - 2);
  }
  append_frame(
      {.length = payload.size(), .mask = {}, .kind = opcode::close, .reserved = 0, .last = true},
      bytes_of_text(payload));
  kept_to_ = end();
}

bool engine::take_back(std::uint64_t begin) noexcept {
  if (begin < kept_to_ || begin < before_ + sent_) return false;
  assert(begin <= end());
  if (begin == end()) return true;
  const std::uint64_t next_begins = before_ + out_.size();
  if (begin >= next_begins) {
    next_.resize(static_cast<std::size_t>(begin - next_begins));
  } else {
    next_.clear();
    out_.resize(static_cast<std::size_t>(begin - before_));
    sent(0);
  }
  if (deflate_) deflate_->forget();
  return true;
}

void engine::put_pong() {
  if (!pong_due_ || in_a_frame_) return;
  if (before_ + sent_ >= pong_end_) pongs_unsent_ = 0;
  if (pongs_unsent_ + pong_size_ > most_pongs) return;
  append_frame(
      {.length = pong_size_, .mask = {}, .kind = opcode::pong, .reserved = 0, .last = true},
      std::span<const std::byte>(pong_).first(pong_size_));
  pong_due_ = false;
  pongs_unsent_ += pong_size_ + longest_frame_head;
  kept_to_ = pong_end_ = end();
}

std::span<const std::byte> engine::unsent() {
  put_pong();
  if (out_.empty() && !next_.empty()) out_.swap(next_);
  return std::as_bytes(std::span(out_)).subspan(sent_);
}

void engine::sent(std::size_t n) noexcept {
  sent_ += n;
  assert(sent_ <= out_.size());
  if (sent_ < out_.size()) return;
  before_ += sent_;
  sent_ = 0;
  // An idle connection holds nothing.
  if (out_.capacity() > most_kept)
    std::string().swap(out_);
  else
    out_.clear();
}

}  // namespace rondo::http::detail
