#include <rondo/http/websocket/engine.hpp>
#include <rondo/http/websocket/mask_source.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace rondo::http::detail {
namespace {

// Of the two buffers of what goes out, what a thread keeps for the next of its connections.
constexpr std::size_t most_kept = 128;

// Of what a frame has announced and has not sent yet, room is made for so much: memory that nothing
// has touched.
constexpr std::size_t most_ahead = std::size_t{1} << 20;

void shrink(std::string& buffer) noexcept {
  if (buffer.capacity() > most_kept)
    std::string().swap(buffer);
  else
    buffer.clear();
}

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

// A connection that has nothing to send holds nothing for it, and one that has finds buffers of its
// thread.
thread_local std::unique_ptr<engine::outgoing> engine::spare;

engine::engine(side s, const engine_limits& limits) : limits_(limits), side_(s) {}

const std::string& engine::reason() const noexcept {
  static const std::string none;
  return reason_ ? *reason_ : none;
}

engine::step engine::take(std::span<std::byte>& input) {
  assert(!close_came_);
  if (told_) in_->message.clear();
  told_ = false;
  if (!in_) {
    if (input.empty()) return step::more;
    in_ = std::make_unique<incoming>();
  }
  incoming& in = *in_;
  while (!input.empty()) {
    step s = step::more;
    if (!in.in_payload && in.head_have == 0 && input.size() >= 2 &&
        input.size() >= head_size(input[1])) {  // as a whole, as most come
      const std::size_t n = head_size(input[1]);
      s = head_came(input.first(n));
      input = input.subspan(n);
    } else if (!in.in_payload) {
      const std::size_t wants = in.head_have < 2 ? 2 : head_size(in.head_bytes[1]);
      const std::size_t n = std::min(wants - in.head_have, input.size());
      std::ranges::copy(input.first(n), in.head_bytes.begin() + in.head_have);
      in.head_have = static_cast<std::uint8_t>(in.head_have + n);
      input = input.subspan(n);
      if (in.head_have < 2 || in.head_have < head_size(in.head_bytes[1])) continue;
      in.head_have = 0;
      s = head_came(std::span(in.head_bytes).first(head_size(in.head_bytes[1])));
    } else {
      const auto n = static_cast<std::size_t>(
          std::min<std::uint64_t>(in.frame.length - in.taken, input.size()));
      s = payload_came(input.first(n));
      input = input.subspan(n);
    }
    if (s == step::more && in.in_payload && in.taken == in.frame.length) s = frame_came();
    if (s != step::more) return s;
  }
  if (in.between_messages()) in_.reset();
  return step::more;
}

engine::step engine::head_came(std::span<const std::byte> head) {
  incoming& in = *in_;
  in.frame = read_frame_head(head);
  in.taken = 0;
  in.in_payload = true;
  if (!is_known(in.frame.kind))
    return fail(close_code::protocol_error, "an opcode that is reserved");
  if (in.frame.mask.has_value() != (side_ == side::server))
    return fail(close_code::protocol_error,
                side_ == side::server ? "a client's frame without a mask" : "a server's with one");
  if (!length_is_canonical(head))
    return fail(close_code::protocol_error, "a length in more bytes than it needs");
  const bool continues = in.frame.kind == opcode::continuation;
  const bool may_be_compressed = deflate_ && !continues && !is_control(in.frame.kind);
  if ((in.frame.reserved & (may_be_compressed ? ~rsv1 : ~0)) != 0)
    return fail(close_code::protocol_error, "a reserved bit that nobody agreed on");
  if (is_control(in.frame.kind)) {
    in.control_size = 0;
    if (!in.frame.last) return fail(close_code::protocol_error, "a control frame in fragments");
    if (in.frame.length > longest_control_payload)
      return fail(close_code::protocol_error, "a control frame of more than 125 bytes");
    if (in.frame.kind == opcode::close && in.frame.length == 1)
      return fail(close_code::protocol_error, "a Close with half a code");
    return step::more;
  }
  if (continues != in.open)
    return fail(close_code::protocol_error, in.open ? "a message within another that has not ended"
                                                    : "a continuation of no message");
  if (!continues) {
    in.text = in.frame.kind == opcode::text;
    in.compressed = (in.frame.reserved & rsv1) != 0;
    in.fragments = 0;
    in.utf8.begin_again();
  }
  in.open = true;
  if (++in.fragments > limits_.fragments)
    return fail(close_code::too_large, "a message of more fragments than are taken");
  // Before a byte of it is kept. What cannot be compressed gets a little larger: five bytes for
  // each block (RFC 1951, section 3.2.4).
  const std::size_t most =
      limits_.message_bytes + (in.compressed ? limits_.message_bytes / 1024 + 64 : 0);
  if (in.frame.length > most - std::min(most, in.message.size()))
    return fail(close_code::too_large, "a message larger than is taken");
  return step::more;
}

engine::step engine::payload_came(std::span<std::byte> piece) {
  incoming& in = *in_;
  if (in.frame.mask) mask(piece, *in.frame.mask, in.taken);
  in.taken += piece.size();
  if (is_control(in.frame.kind)) {
    std::ranges::copy(piece, in.control.begin() + in.control_size);
    in.control_size = static_cast<std::uint8_t>(in.control_size + piece.size());
    return step::more;
  }
  if (in.text && !in.compressed && !in.utf8.take(piece))
    return fail(close_code::not_utf8, "text that is not UTF-8");
  if (piece.size() < in.frame.length)
    make_room(piece.size());
  else if (in.message.empty())
    in.message.reserve(piece.size());
  in.message.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  return step::more;
}

// For the next `n` bytes of a frame that comes in pieces, and those that it has announced behind
// them. A message that is larger already doubles, as strings do.
void engine::make_room(std::size_t n) {
  incoming& in = *in_;
  if (in.message.capacity() - in.message.size() >= n) return;
  const std::size_t ahead = std::min<std::uint64_t>(in.frame.length - in.taken + n, most_ahead);
  if (ahead > in.message.size()) in.message.reserve(in.message.size() + ahead);
}

engine::step engine::frame_came() {
  incoming& in = *in_;
  in.in_payload = false;
  if (is_control(in.frame.kind)) return control_came();
  if (!in.frame.last) return step::more;
  in.open = false;
  return message_came();
}

engine::step engine::message_came() {
  incoming& in = *in_;
  if (in.compressed) {
    std::string whole;
    const auto coded = bytes_of_text(in.message);
    switch (deflate_->inflate(coded, whole, limits_.message_bytes)) {
      case deflate_codec::verdict::damaged:
        return fail(close_code::not_utf8, "a compressed message that is damaged");
      case deflate_codec::verdict::too_large:
        return fail(close_code::too_large, "a message larger than is taken, after inflating");
      case deflate_codec::verdict::whole: break;
    }
    in.message = std::move(whole);
    if (in.text && !is_utf8(bytes_of_text(in.message)))
      return fail(close_code::not_utf8, "text that is not UTF-8");
  } else if (in.text && !in.utf8.at_a_border()) {
    return fail(close_code::not_utf8, "text that ends within a character");
  }
  told_ = true;
  return step::message;
}

engine::step engine::control_came() {
  const incoming& in = *in_;
  const std::span<const std::byte> payload(in.control.data(), in.control_size);
  if (in.frame.kind == opcode::pong) return step::pong;
  if (in.frame.kind == opcode::ping) {
    if (close_put_) return step::more;  // nothing goes behind a Close
    put_pong();                         // the one before
    pong_ = std::make_unique<pong_payload_of>();
    std::ranges::copy(payload, pong_->bytes.begin());
    pong_->size = in.control_size;
    return step::more;
  }
  std::uint16_t code = close_code::no_code;
  if (!payload.empty()) {
    code = static_cast<std::uint16_t>(static_cast<std::uint16_t>(payload[0]) << 8 |
                                      static_cast<std::uint16_t>(payload[1]));
    if (!may_be_sent(code)) return fail(close_code::protocol_error, "a Close with a wrong code");
    if (!is_utf8(payload.subspan(2)))
      return fail(close_code::not_utf8, "a Close whose reason is not UTF-8");
    reason_ = std::make_unique<std::string>(in.control_text().substr(2));
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
  reason_ = std::make_unique<std::string>(why);
  in_->message.clear();
  put_close(code, why);
  return step::failed;
}

engine::outgoing& engine::out() {
  if (!out_) out_ = spare ? std::move(spare) : std::make_unique<outgoing>();
  return *out_;
}

// When nothing is left of it.
void engine::give_back_out() noexcept {
  if (!spare) {
    shrink(out_->bytes);
    shrink(out_->next);
    out_->sent = 0;
    out_->kept_to = out_->pong_end = 0;
    out_->pongs_unsent = 0;
    spare = std::move(out_);
  }
  out_.reset();
}

void engine::append_frame(frame_head head, std::span<const std::byte> payload) {
  if (side_ == side::client) head.mask = next_mask();
  std::array<std::byte, longest_frame_head> bytes;
  const std::size_t size = write_frame_head(head, bytes);
  std::string& next = out().next;
  const std::size_t begin = next.size() + size;
  if (next.capacity() < begin + payload.size())  // from here on nothing throws
    next.reserve(std::max(begin + payload.size(), 2 * next.capacity()));
  next.append(reinterpret_cast<const char*>(bytes.data()), size);
  next.append(reinterpret_cast<const char*>(payload.data()), payload.size());
  if (!head.mask) return;
  const auto all = std::as_writable_bytes(std::span(next));
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
  out().next.append(reinterpret_cast<const char*>(rest.data()), rest.size());
  if (gone > 0) out().kept_to = end();
  return begin;
}

void engine::put_close(std::uint16_t code, std::string_view reason) {
  if (close_put_) return;
  close_put_ = true;
  pong_.reset();
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
  out().kept_to = end();
}

bool engine::take_back(std::uint64_t begin) noexcept {
  if (!out_) return begin == before_;
  outgoing& o = *out_;
  if (begin < o.kept_to || begin < before_ + o.sent) return false;
  assert(begin <= end());
  if (begin == end()) return true;
  const std::uint64_t next_begins = before_ + o.bytes.size();
  if (begin >= next_begins) {
    o.next.resize(static_cast<std::size_t>(begin - next_begins));
  } else {
    o.next.clear();
    o.bytes.resize(static_cast<std::size_t>(begin - before_));
  }
  sent(0);
  if (deflate_) deflate_->forget();
  return true;
}

void engine::put_pong() {
  if (!pong_ || in_a_frame_) return;
  outgoing& o = out();
  if (before_ + o.sent >= o.pong_end) o.pongs_unsent = 0;
  if (o.pongs_unsent + pong_->size > most_pongs) return;
  append_frame(
      {.length = pong_->size, .mask = {}, .kind = opcode::pong, .reserved = 0, .last = true},
      std::span<const std::byte>(pong_->bytes).first(pong_->size));
  o.pongs_unsent += pong_->size + longest_frame_head;
  o.kept_to = o.pong_end = end();
  pong_.reset();
}

std::span<const std::byte> engine::unsent() {
  put_pong();
  if (!out_) return {};
  if (out_->bytes.empty() && !out_->next.empty()) out_->bytes.swap(out_->next);
  return std::as_bytes(std::span(out_->bytes)).subspan(out_->sent);
}

void engine::sent(std::size_t n) noexcept {
  if (!out_) return;
  outgoing& o = *out_;
  o.sent += n;
  assert(o.sent <= o.bytes.size());
  if (o.sent < o.bytes.size()) return;
  before_ += std::exchange(o.sent, 0);
  if (o.next.empty())
    give_back_out();
  else
    shrink(o.bytes);
}

}  // namespace rondo::http::detail
