#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/chunked.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace rondo::http::detail {
namespace {

// Sixteen digits fill 64 bits; leading zeros are digits too, or a peer could send them for ever.
constexpr int max_size_digits = 16;
constexpr std::uint64_t max_chunk_bytes = static_cast<std::uint64_t>(INT64_MAX);

}  // namespace

void chunk_decoder::fail(const char* what) const {
  throw protocol_error(std::string("bad chunked body: ") + what, answer_status_);
}

void chunk_decoder::reset() noexcept {
  at_ = at::first_digit;
  digit_count_ = 0;
  left_ = 0;
  total_ = 0;
  extension_excess_ = 0;
}

chunk_decoder::step chunk_decoder::next(std::string_view input) {
  std::size_t i = 0;
  while (i < input.size()) {
    const char c = input[i];
    switch (at_) {
      case at::first_digit:
      case at::digits: take_digit(c); break;
      case at::extension_name:
      case at::in_extension_name:
      case at::after_name:
      case at::extension_value:
      case at::in_extension_value:
      case at::quoted:
      case at::quoted_pair:
      case at::after_quoted:
      case at::after_space: take_extension_byte(c); break;
      case at::size_lf:
        if (c != '\n') fail("a CR that no LF follows after a chunk size");
        end_size_line();
        if (at_ == at::first_digit) return {.consumed = i + 1, .data = {}, .last = true};
        break;
      case at::data: {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - i));
        left_ -= n;
        if (left_ == 0) at_ = at::data_cr;
        return {.consumed = i + n, .data = input.substr(i, n), .last = false};
      }
      case at::data_cr:
        if (c != '\r') fail("a chunk longer than its size");
        at_ = at::data_lf;
        break;
      case at::data_lf:
        if (c != '\n') fail("a CR that no LF follows after a chunk");
        at_ = at::first_digit;
        break;
    }
    ++i;
  }
  return {.consumed = i, .data = {}, .last = false};
}

void chunk_decoder::take_digit(char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++digit_count_ > max_size_digits) fail("a chunk size of more than 16 digits");
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    at_ = at::digits;
    return;
  }
  if (at_ == at::first_digit) fail("a chunk size that is no hexadecimal number");
  if (c == ';' || is_ows(c)) {
    count_extension_byte();
    at_ = c == ';' ? at::extension_name : at::after_space;
  } else if (c == '\r') {
    at_ = at::size_lf;
  } else {
    fail("a chunk size that is no hexadecimal number");
  }
}

void chunk_decoder::count_extension_byte() {
  if (++extension_excess_ > max_extension_) fail("chunk extensions past their limit");
}

void chunk_decoder::take_extension_byte(char c) {
  if (at_ != at::quoted && at_ != at::quoted_pair && c == '\r') {
    if (at_ == at::extension_name || at_ == at::extension_value) fail("an empty chunk extension");
    if (at_ == at::after_name || at_ == at::after_space)
      fail("white space at the end of a chunk's size line");
    at_ = at::size_lf;
    return;
  }
  count_extension_byte();
  const bool token = contains(token_bytes, c);
  switch (at_) {
    case at::extension_name:
      if (is_ows(c)) break;
      if (!token) fail("a bad chunk extension");
      at_ = at::in_extension_name;
      break;
    case at::in_extension_name:
    case at::after_name:
      if (c == '=') {
        at_ = at::extension_value;
      } else if (c == ';') {
        at_ = at::extension_name;
      } else if (is_ows(c)) {
        at_ = at::after_name;
      } else if (!token || at_ == at::after_name) {
        fail("a bad chunk extension");
      }
      break;
    case at::extension_value:
      if (is_ows(c)) break;
      if (!token && c != '"') fail("a bad chunk extension");
      at_ = token ? at::in_extension_value : at::quoted;
      break;
    case at::in_extension_value:
    case at::after_quoted:
    case at::after_space:
      if (c == ';') {
        at_ = at::extension_name;
      } else if (is_ows(c)) {
        at_ = at::after_space;
      } else if (!token || at_ != at::in_extension_value) {
        fail(at_ == at::after_space ? "white space in a chunk size or extension"
                                    : "a bad chunk extension");
      }
      break;
    case at::quoted:
      if (c == '\\') {
        at_ = at::quoted_pair;
      } else if (c == '"') {
        at_ = at::after_quoted;
      } else if (!contains(text_bytes, c)) {
        fail("a control byte in a chunk extension");
      }
      break;
    case at::quoted_pair:
      if (!contains(text_bytes, c)) fail("a control byte in a chunk extension");
      at_ = at::quoted;
      break;
    default: break;  // next() comes here with no other
  }
}

void chunk_decoder::end_size_line() {
  if (left_ > max_chunk_bytes) fail("a chunk size above 2^63 - 1");
  if (left_ > max_body_ || total_ > max_body_ - left_) {
    throw body_error(body_error::reason::too_large,
                     "the body is longer than " + std::to_string(max_body_) + " bytes");
  }
  total_ += left_;
  extension_excess_ -= std::min(extension_excess_, left_);
  digit_count_ = 0;
  at_ = left_ == 0 ? at::first_digit : at::data;
}

void write_chunk(std::string& out, std::string_view data) {
  std::array<char, max_size_digits> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), data.size(), 16).ptr;
  out.append(size.data(), end).append("\r\n").append(data).append("\r\n");
}

void write_last_chunk(std::string& out, const headers& trailers) {
  out.append("0\r\n").append(trailers.wire()).append("\r\n");
}

}  // namespace rondo::http::detail
