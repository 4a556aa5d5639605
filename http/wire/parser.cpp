#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/llhttp_check.hpp>
#include <rondo/http/wire/parser.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rondo::http {
namespace detail {
namespace {

// A head that comes in pieces is copied in steps of this size, so that little of the body behind
// it is copied along.
constexpr std::size_t collect_step_bytes = 1024;

// Empty lines before a request that are skipped. Old clients send one or two after a body.
constexpr int max_blank_lines = 4;

parse_step body_step(std::size_t consumed, std::string_view data) {
  return {.event = parse_event::body,
          .consumed = consumed,
          .body = std::as_bytes(std::span(data.data(), data.size()))};
}

int bad_status(scan_kind kind) { return kind == scan_kind::response ? 502 : 400; }

}  // namespace

message_parser::message_parser(scan_kind kind, const parser_limits& limits)
    : kind_(kind), scan_(kind, limits), chunks_(limits, bad_status(kind)) {}

bool message_parser::idle() const noexcept {
  return state_ == state::idle || state_ == state::blank_line || state_ == state::closed;
}

parse_step message_parser::step(std::span<const std::byte> input) {
  try {
    return advance({reinterpret_cast<const char*>(input.data()), input.size()});
  } catch (const error&) {
    state_ = state::failed;
    throw;
  }
}

parse_step message_parser::advance(std::string_view input) {
  std::size_t consumed = 0;
  // Each turn either consumes, or changes the state, or returns.
  while (true) {
    const std::string_view rest = input.substr(consumed);
    const parse_step more{.event = parse_event::need_more, .consumed = consumed, .body = {}};
    switch (state_) {
      case state::ended: return {.event = end_message(), .consumed = consumed, .body = {}};
      case state::failed: throw protocol_error("the stream was refused before", bad_status(kind_));
      case state::handed_over:
        throw std::logic_error("an HTTP parser was given bytes of another protocol");
      case state::closed:
        return {.event = parse_event::need_more, .consumed = input.size(), .body = {}};
      default: break;
    }
    if (rest.empty()) return more;
    switch (state_) {
      case state::idle:
        if (!expected_) throw protocol_error("response bytes that no request asked for", 502);
        if (kind_ == scan_kind::request && rest.front() == '\r' && blank_lines_ < max_blank_lines) {
          state_ = state::blank_line;
          ++consumed;
          break;
        }
        begin_message();
        break;
      case state::blank_line:
        if (rest.front() != '\n') throw protocol_error("bad request: a CR that no LF follows");
        ++blank_lines_;
        state_ = state::idle;
        ++consumed;
        break;
      case state::head: {
        const auto taken = collect(rest);
        if (!taken) return {.event = parse_event::need_more, .consumed = input.size(), .body = {}};
        return {.event = parse_event::head, .consumed = consumed + *taken, .body = {}};
      }
      case state::trailers: {
        const auto taken = collect(rest);
        if (!taken) return {.event = parse_event::need_more, .consumed = input.size(), .body = {}};
        trailers_ = std::move(scan_.fields);
        state_ = state::ended;
        consumed += *taken;
        break;
      }
      case state::length: {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
        left_ -= n;
        if (left_ == 0) state_ = state::ended;
        return body_step(consumed + n, rest.substr(0, n));
      }
      case state::until_close:
        seen_ += rest.size();
        if (seen_ > scan_.limits().body_bytes) {
          throw body_error(body_error::reason::too_large, "the body is longer than its limit");
        }
        return body_step(consumed + rest.size(), rest);
      case state::chunked: {
        const chunk_decoder::step chunk = chunks_.next(rest);
        consumed += chunk.consumed;
        if (!chunk.data.empty()) return body_step(consumed, chunk.data);
        if (!chunk.last) break;
        scan_.reset(scan_kind::trailers);
        state_ = state::trailers;
        break;
      }
      default: break;
    }
  }
}

// Scans the head or the trailers. Returns how much of `input` belonged to them once they are whole;
// nullopt when all of it did and more must come.
std::optional<std::size_t> message_parser::collect(std::string_view input) {
  std::size_t taken = 0;
  std::optional<std::size_t> length;
  std::string_view bytes;
  if (buffer_.empty()) {  // most come in one piece, and nothing is copied
    bytes = input;
    length = scan_.scan(bytes);
    if (!length) {
      buffer_ = input;
      return std::nullopt;
    }
    taken = *length;
  } else {
    while (!length) {
      if (taken == input.size()) return std::nullopt;
      const std::string_view piece = input.substr(taken, collect_step_bytes);
      const std::size_t before = buffer_.size();
      buffer_ += piece;
      length = scan_.scan(buffer_);
      taken += length ? *length - before : piece.size();
    }
    bytes = buffer_;
  }
  if (state_ == state::head) complete_head(bytes.substr(0, *length));
  std::string().swap(buffer_);  // an idle connection keeps no buffer
  return taken;
}

void message_parser::begin_message() {
  scan_.reset(kind_);
  trailers_.clear();
  fields_ = {};
  body_ = body_framing::none;
  blank_lines_ = 0;
  keep_alive_ = true;
  interim_ = false;
  hands_over_ = false;
  left_ = 0;
  seen_ = 0;
  state_ = state::head;
}

void message_parser::complete_head(std::string_view head) {
  const bool response = kind_ == scan_kind::response;
  fields_ = read_framing(scan_.fields, scan_.version, response,
                         response && scan_.limits().repeated_content_length);
  if (fields_.repeated_content_length) drop_repeated_length();
  if (response) {
    body_ = response_framing(fields_, scan_.status, method_);
    interim_ = scan_.status < 200 && scan_.status != 101;
    hands_over_ =
        scan_.status == 101 || (method_ == "CONNECT" && scan_.status >= 200 && scan_.status < 300);
  } else {
    check_host(fields_, scan_.version);
    body_ = request_framing(fields_, scan_.method);
  }
  check_with_llhttp(head, scan_, fields_);
  keep_alive_ = stays_open(fields_, scan_.version) && body_ != body_framing::until_close;
  switch (body_) {
    case body_framing::none: state_ = state::ended; break;
    case body_framing::length:
      left_ = *fields_.content_length;
      if (left_ > scan_.limits().body_bytes) {
        throw body_error(body_error::reason::too_large,
                         "a body of " + std::to_string(left_) + " bytes is longer than its limit");
      }
      state_ = state::length;
      break;
    case body_framing::chunked:
      chunks_.reset();
      state_ = state::chunked;
      break;
    case body_framing::until_close: state_ = state::until_close; break;
  }
  fields_.host = {};  // it points into fields that are about to be moved
}

void message_parser::drop_repeated_length() {
  headers kept;
  bool seen = false;
  for (const auto& [name, value] : scan_.fields) {
    if (iequals(name, "content-length") && std::exchange(seen, true)) continue;
    headers_access::append(kept, name, value);
  }
  scan_.fields = std::move(kept);
}

parse_event message_parser::end_message() {
  if (hands_over_) {
    state_ = state::handed_over;
  } else if (kind_ == scan_kind::request && !keep_alive_) {
    state_ = state::closed;
  } else {
    state_ = state::idle;
  }
  if (kind_ == scan_kind::response && !interim_) expected_ = false;
  return parse_event::end;
}

parse_event message_parser::finish() {
  const auto truncated = [this](const std::string& message) {
    state_ = state::failed;
    throw body_error(body_error::reason::truncated, message);
  };
  switch (state_) {
    case state::idle:
    case state::blank_line:
    case state::handed_over:
    case state::closed: return parse_event::need_more;
    case state::ended:
    case state::until_close: return end_message();
    case state::head:
      state_ = state::failed;
      throw protocol_error("the connection ended within the head of a message", bad_status(kind_));
    case state::length:
      truncated("the body ended " + std::to_string(left_) + " bytes before its Content-Length");
      break;
    case state::chunked: truncated("the chunked body ended before its last chunk"); break;
    case state::trailers: truncated("the chunked body ended within its trailers"); break;
    case state::failed: throw protocol_error("the stream was refused before", bad_status(kind_));
  }
  return parse_event::need_more;
}

}  // namespace detail

request_parser::request_parser(const parser_limits& limits)
    : message_parser(detail::scan_kind::request, limits) {}

parse_step request_parser::next(std::span<const std::byte> input) {
  const parse_step result = step(input);
  if (result.event == parse_event::head) {
    head_ = {.method = std::move(scan_.method),
             .target = std::move(scan_.target),
             .version = scan_.version,
             .headers = std::move(scan_.fields)};
  }
  return result;
}

response_parser::response_parser(const parser_limits& limits)
    : message_parser(detail::scan_kind::response, limits) {
  expected_ = false;
}

void response_parser::expect(std::string_view method) {
  method_ = method;
  expected_ = true;
}

parse_step response_parser::next(std::span<const std::byte> input) {
  const parse_step result = step(input);
  if (result.event == parse_event::head) {
    head_ = {.status = scan_.status,
             .reason = std::move(scan_.reason),
             .version = scan_.version,
             .headers = std::move(scan_.fields)};
  }
  return result;
}

}  // namespace rondo::http
