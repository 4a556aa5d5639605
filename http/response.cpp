#include <rondo/http/client/settings.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/response.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/http/wire/decode.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/span.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

namespace rondo::http {
namespace {

// Decoded pieces between two turns for others.
constexpr std::uint32_t made_before_yield = 16;
constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();
// What text() and bytes() take of a decoded body when nobody has said.
constexpr std::uint64_t most_decoded_whole = std::uint64_t{64} << 20;

template <class E>
[[noreturn]] void throw_about(E error, const http::url& u) {
  error.add_context(u.href());
  throw E(error);
}

[[noreturn]] void throw_lost(const std::system_error& cause, const http::url& u) {
  throw_about(body_error(body_error::reason::truncated,
                         std::string("the connection was lost: ") + cause.what()),
              u);
}

}  // namespace

detail::incoming_response::incoming_response(response_head h, http::url u)
    : head(std::move(h)), url(std::move(u)) {}

detail::incoming_response::~incoming_response() {
  if (span && is_unwinding()) span->ends(span_end::cancelled);
  if (!trace || ended) return;
  try {
    const std::string shown = url.redacted();
    trace->on({trace_point::given_up, number, trace_clock(), shown, {}, 0});
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

void response::raise_for_status() const {
  if (status() < 400) return;
  throw_about(status_error(status(), reason()), in_->url);
}

// What the parser found: a piece of the body, and the connection is kept for the next; or the end,
// and the connection goes back.
std::span<const std::byte> response::piece_or_end(detail::lease held, const parse_step& step) {
  if (step.event == parse_event::body) {
    in_->from = std::move(held);
    return step.body;
  }
  const http::headers& trailers = held.trailers();
  if (!trailers.empty()) in_->trailers = trailers;
  held.finish();
  in_->ended = true;
  tell_end();
  return {};
}

std::optional<std::span<const std::byte>> response::at_hand() {
  detail::incoming_response& in = *in_;
  if (!in.from) {
    if (in.ended) return std::span<const std::byte>();
    throw_about(body_error(body_error::reason::truncated,
                           "an earlier read of the body failed or was cancelled"),
                in.url);
  }
  if (in.deadline != rondo::detail::never && this_loop().now() >= in.deadline) return std::nullopt;
  // Whatever ends this early (an error, a cancellation) leaves a connection that nobody else may
  // use.
  detail::lease held = std::move(in.from);
  try {
    const parse_step step = held.buffered_event();
    if (step.event != parse_event::need_more) return piece_or_end(std::move(held), step);
  } catch (http::error& e) {
    e.add_context(in.url.href(), phase::body);
    throw;
  } catch (const detail::stream_lost& cause) {
    throw_lost(cause, in.url);
  }
  in.from = std::move(held);
  return std::nullopt;
}

// Reads on until the next piece of the body or its end; any failure closes the connection.
task<std::span<const std::byte>> response::receive() {
  detail::incoming_response& in = *in_;
  detail::lease held = std::move(in.from);
  try {
    const parse_step step = co_await held.next_event();
    co_return piece_or_end(std::move(held), step);
  } catch (http::error& e) {
    e.add_context(in.url.href(), phase::body);
    throw;
  } catch (const std::system_error& cause) {
    throw_lost(cause, in.url);
  }
}

void response::tell_end() const {
  in_->span.reset();
  if (!in_->trace) return;
  const std::string shown = in_->url.redacted();
  in_->trace->on({trace_point::done, in_->number, detail::trace_clock(), shown, {}, 0});
}

void response::finish_if_at_hand() {
  detail::lease held = std::move(in_->from);
  if (!held) return;
  try {
    for (;;) {
      const parse_event event = held.buffered_event().event;
      if (event == parse_event::need_more) return;
      if (event != parse_event::end) continue;
      held.finish();
      return;
    }
  } catch (const detail::stream_lost&) {  // NOLINT(bugprone-empty-catch): nobody wants the rest
  }
}

task<std::span<const std::byte>> response::next_chunk() {
  if (!in_->ahead.empty()) co_return std::exchange(in_->ahead, {});
  if (!in_->codings.empty()) co_return co_await receive_decoded();
  if (const auto piece = at_hand()) co_return *piece;
  co_return co_await receive_in_time();
}

namespace {

// Closes the connection, and with it goes what the decoder was given of its buffer.
void abandon(detail::incoming_response& in) noexcept {
  if (in.decoder) in.decoder->give({});
  in.from.drop();
}

// Does so when it goes, unless it was told otherwise.
struct abandoned {
  detail::incoming_response* in;
  ~abandoned() {
    if (in) abandon(*in);
  }
};

}  // namespace

task<std::span<const std::byte>> response::receive_decoded() {
  detail::incoming_response& in = *in_;
  try {
    if (!in.decoder)
      in.decoder =
          std::make_unique<detail::body_decoder>(in.codings, in.max_decoded.value_or(no_end));
    // A small body can make very much without a wait, or make the codings work for nothing: others
    // get their turn, and the clock is looked at in every step. It comes before the step, so that a
    // cancellation loses nothing of what was made.
    bool turn = ++in.made_in_a_row % made_before_yield == 0;
    for (;;) {
      if (turn) {
        abandoned if_cancelled{&in};
        co_await yield_now();
        if_cancelled.in = nullptr;
      }
      if (in.deadline != rondo::detail::never && this_loop().now() >= in.deadline)
        throw timeout_error(phase::total, "while the body was decoded");
      const auto [made, wants_input] = in.decoder->next();
      if (!made.empty()) co_return made;
      turn = !wants_input;
      if (turn) continue;
      std::optional<std::span<const std::byte>> at_once = at_hand();
      const std::span<const std::byte> raw = at_once ? *at_once : co_await receive_in_time();
      if (raw.empty()) {
        in.decoder->finish();
        in.codings.clear();  // there is no more to decode, and no time to be late in
        co_return raw;
      }
      in.decoder->give(raw);
    }
  } catch (http::error& e) {
    abandon(in);
    e.add_context(in_->url.href(), phase::body);
    throw;
  }
}

task<std::span<const std::byte>> response::receive_in_time() {
  detail::incoming_response& in = *in_;
  const bool timed = in.deadline != rondo::detail::never || in.between_reads > detail::no_limit;
  if (!timed) co_return co_await receive();
  phase p = phase::total;
  rondo::detail::nanoseconds left = rondo::detail::nanoseconds::max();
  if (in.deadline != rondo::detail::never) left = in.deadline - this_loop().now();
  if (in.between_reads > detail::no_limit && in.between_reads < left) {
    left = in.between_reads;
    p = phase::read;
  }
  const auto piece = co_await try_for(left, receive());
  if (piece) co_return *piece;
  in.from.drop();
  throw_about(timeout_error(p, "while the body was read"), in_->url);
}

task<std::size_t> response::read_some(std::span<std::byte> buffer) {
  const std::span<const std::byte> piece = co_await next_chunk();
  const std::size_t n = std::min(piece.size(), buffer.size());
  if (n > 0) std::memcpy(buffer.data(), piece.data(), n);
  in_->ahead = piece.subspan(n);
  co_return n;
}

void response::throw_too_large(std::uint64_t most, const char* option) {
  abandon(*in_);
  throw_about(
      body_error(body_error::reason::too_large, "the body is larger than " + std::to_string(most) +
                                                    " bytes (client_options::" + option + ')'),
      in_->url);
}

template <class Bytes>
task<Bytes> response::read_all() {
  detail::incoming_response& in = *in_;
  const bool coded = !in.codings.empty();
  if (coded && !in.max_decoded) in.max_decoded = most_decoded_whole;
  const std::uint64_t most_decoded = coded ? *in.max_decoded : no_end;
  Bytes all;
  for (;;) {
    // What has come is taken without a coroutine: a peer may cut its body into single bytes.
    std::optional<std::span<const std::byte>> at_once;
    if (!coded && in.ahead.empty()) at_once = at_hand();
    const std::span<const std::byte> piece = at_once ? *at_once : co_await next_chunk();
    if (piece.empty()) co_return all;
    if (piece.size() > in.limit - all.size()) throw_too_large(in.limit, "max_body");
    if (piece.size() > most_decoded - all.size()) throw_too_large(most_decoded, "max_decoded");
    const auto* first = reinterpret_cast<const typename Bytes::value_type*>(piece.data());
    all.insert(all.end(), first, first + piece.size());
  }
}

task<std::vector<std::byte>> response::bytes() { return read_all<std::vector<std::byte>>(); }
task<std::string> response::text() { return read_all<std::string>(); }

}  // namespace rondo::http
