#include <rondo/http/decode.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/response.hpp>
#include <rondo/http/settings.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>

#include <algorithm>
#include <cstring>

namespace rondo::http {
namespace {

// Decoded pieces between two turns for others.
constexpr std::uint32_t made_before_yield = 16;

template <class E>
[[noreturn]] void throw_about(E error, const http::url& u) {
  error.add_context(u.href());
  throw E(error);
}

}  // namespace

detail::incoming_body::incoming_body() = default;
detail::incoming_body::~incoming_body() = default;

void response::raise_for_status() const {
  if (head_.status < 400) return;
  throw_about(status_error(head_.status, head_.reason), url_);
}

// Reads on until the next piece of the body or its end; the connection goes back at the end, and is closed
// by any failure.
task<std::span<const std::byte>> response::receive() {
  detail::incoming_body& b = *body_;
  if (!b.from) co_return std::span<const std::byte>();
  // Whatever ends this early (an error, a cancellation) leaves a connection that nobody else may use.
  detail::lease held = std::move(b.from);
  try {
    const parse_step step = co_await held.conn->next_event();
    if (step.event == parse_event::body) {
      b.from = std::move(held);
      co_return step.body;
    }
    b.trailers = held.conn->parser().trailers();
    held.finish();
    tell_end();
    co_return std::span<const std::byte>();
  } catch (http::error& e) {
    e.add_context(url_.href(), phase::body);
    throw;
  } catch (const std::system_error& cause) {
    throw_about(body_error(body_error::reason::truncated,
                           std::string("the connection was lost: ") + cause.what()),
                url_);
  }
}

void response::tell_end() const {
  if (!body_->trace) return;
  const std::string shown = url_.redacted();
  body_->trace->on({trace_point::done, body_->number, detail::trace_clock(), shown, {}, 0});
}

void response::finish_if_at_hand() {
  detail::lease held = std::move(body_->from);
  if (!held) return;
  for (;;) {
    const parse_event event = held.conn->buffered_event().event;
    if (event == parse_event::need_more) return;
    if (event != parse_event::end) continue;
    held.finish();
    return;
  }
}

task<std::span<const std::byte>> response::next_chunk() {
  detail::incoming_body& b = *body_;
  if (!b.ahead.empty()) co_return std::exchange(b.ahead, {});
  if (b.codings.empty()) co_return co_await receive_in_time();
  co_return co_await receive_decoded();
}

task<std::span<const std::byte>> response::receive_decoded() {
  detail::incoming_body& b = *body_;
  try {
    if (!b.decoder) b.decoder = std::make_unique<detail::body_decoder>(b.codings, b.max_decoded);
    for (;;) {
      const std::span<const std::byte> made = b.decoder->next();
      if (!made.empty()) {
        // A small body can make very much without a wait: others get their turn.
        if (++b.made_in_a_row % made_before_yield == 0) co_await yield_now();
        co_return made;
      }
      const std::span<const std::byte> raw = co_await receive_in_time();
      if (raw.empty()) {
        b.decoder->finish();
        co_return raw;
      }
      b.decoder->give(raw);
    }
  } catch (http::error& e) {
    b.from.drop();
    e.add_context(url_.href(), phase::body);
    throw;
  }
}

task<std::span<const std::byte>> response::receive_in_time() {
  detail::incoming_body& b = *body_;
  const bool timed = b.deadline != rondo::detail::never || b.between_reads > detail::no_limit;
  if (!timed || !b.from) co_return co_await receive();
  phase p = phase::total;
  rondo::detail::nanoseconds left = rondo::detail::nanoseconds::max();
  if (b.deadline != rondo::detail::never) left = b.deadline - this_loop().now();
  if (b.between_reads > detail::no_limit && b.between_reads < left) {
    left = b.between_reads;
    p = phase::read;
  }
  const auto piece = co_await try_for(left, receive());
  if (piece) co_return *piece;
  b.from.drop();
  throw_about(timeout_error(p, "while the body was read"), url_);
}

task<std::size_t> response::read_some(std::span<std::byte> buffer) {
  const std::span<const std::byte> piece = co_await next_chunk();
  const std::size_t n = std::min(piece.size(), buffer.size());
  if (n > 0) std::memcpy(buffer.data(), piece.data(), n);
  body_->ahead = piece.subspan(n);
  co_return n;
}

task<std::vector<std::byte>> response::bytes() {
  std::vector<std::byte> all;
  for (;;) {
    const std::span<const std::byte> piece = co_await next_chunk();
    if (piece.empty()) co_return all;
    if (piece.size() > body_->limit - all.size()) {
      body_->from.drop();
      throw_about(body_error(body_error::reason::too_large,
                             "the body is larger than " + std::to_string(body_->limit) +
                                 " bytes (client_options::max_body)"),
                  url_);
    }
    all.insert(all.end(), piece.begin(), piece.end());
  }
}

task<std::string> response::text() {
  const std::vector<std::byte> all = co_await bytes();
  co_return std::string(reinterpret_cast<const char*>(all.data()), all.size());
}

}  // namespace rondo::http
