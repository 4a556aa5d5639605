#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/head_scan.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// The longest method that anybody registered has 17 bytes.
constexpr std::size_t max_method_bytes = 32;
constexpr std::string_view version_example = "HTTP/1.1";
// What a usual head needs, so that it is stored without growing.
constexpr std::size_t usual_field_bytes = 512;
constexpr std::size_t usual_fields = 12;

constexpr byte_class target_bytes = [] {
  byte_class out{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) out[c] = true;
  // A fragment is never sent (RFC 9112, section 3.2): whoever sends one wants two readers to
  // disagree about where the target ends.
  out['#'] = false;
  return out;
}();

bool is_authority(std::string_view s) {
  const std::size_t colon = s.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == s.size()) return false;
  return std::all_of(s.begin() + static_cast<std::ptrdiff_t>(colon) + 1, s.end(), is_digit) &&
         s.find_first_of("/?@") == std::string_view::npos;
}

bool is_absolute(std::string_view s) {
  const std::size_t colon = s.find("://");
  if (colon == std::string_view::npos || !is_alpha(s[0])) return false;
  return std::all_of(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// The four forms of RFC 9112, section 3.2.
bool is_target_of(std::string_view method, std::string_view target) {
  if (method == "CONNECT") return is_authority(target);
  if (target == "*") return method == "OPTIONS";
  return target[0] == '/' || is_absolute(target);
}

}  // namespace

head_scan::head_scan(scan_kind kind, const parser_limits& limits)
    : limits_(limits), of_response_(kind == scan_kind::response) {
  reset(kind);
}

void head_scan::reset(scan_kind kind) {
  kind_ = kind;
  place_ = kind == scan_kind::trailers ? place::field_line : place::start_line;
  max_bytes_ = kind == scan_kind::trailers ? limits_.trailer_bytes : limits_.head_bytes;
  max_start_line_ = kind == scan_kind::request
                        ? max_method_bytes + 1 + limits_.target_bytes + 1 + version_example.size()
                        : limits_.line_bytes;
  after_cr_ = false;
  continues_ = false;
  pos_ = 0;
  line_begin_ = 0;
  field_begin_ = 0;
  line_number_ = 1;
  method.clear();
  target.clear();
  reason.clear();
  status = 0;
  fields.clear();
  folded = false;
}

std::optional<std::size_t> head_scan::scan(std::string_view head) {
  const std::size_t available = std::min(head.size(), max_bytes_);
  std::size_t i = pos_;
  while (i < available) {
    if (after_cr_) {
      ++work_;
      if (head[i] != '\n') fail("a CR that no LF follows");
      after_cr_ = false;
      const std::string_view line = head.substr(line_begin_, i - 1 - line_begin_);
      ++i;
      if (line.empty() && place_ == place::field_line) {
        pos_ = i;
        return i;
      }
      end_line(line);
      line_begin_ = i;
      ++line_number_;
      continue;
    }
    if (i == line_begin_) begin_line(head[i]);
    const std::size_t longest = place_ == place::start_line ? line_begin_ + max_start_line_
                                                            : field_begin_ + limits_.line_bytes;
    const std::size_t from = i;
    i = skip_text(head.substr(0, std::min(available, longest)), i);
    work_ += i - from;
    if (i == available) break;
    const char c = head[i];
    ++work_;
    if (c == '\r') {
      after_cr_ = true;
      ++i;
    } else if (c == '\n') {
      fail("an LF that no CR precedes");
    } else if (contains(text_bytes, c)) {
      line_too_long(head.substr(line_begin_, i - line_begin_));
    } else {
      fail("a control byte");
    }
  }
  pos_ = i;
  if (head.size() > max_bytes_) head_too_long();
  return std::nullopt;
}

void head_scan::begin_line(char first) {
  continues_ = is_ows(first);
  if (!continues_) {
    field_begin_ = line_begin_;
    return;
  }
  if (place_ == place::start_line) fail("a space before the start line");
  // RFC 9112, section 2.2: nothing may stand between the start line and the first field.
  if (fields.empty()) fail("a space before the first field");
  // Section 5.2: a server refuses folding, a user agent reads it as a space.
  if (kind_ != scan_kind::response) fail("a folded line");
  folded = true;
}

void head_scan::end_line(std::string_view line) {
  work_ += line.size();
  if (place_ == place::field_line) {
    field_line(line);
    return;
  }
  if (kind_ == scan_kind::request) {
    request_line(line);
  } else {
    status_line(line);
  }
  headers_access::reserve(fields, usual_field_bytes, usual_fields);
  place_ = place::field_line;
}

// method SP request-target SP HTTP-version (RFC 9112, section 3): single spaces, nothing around.
void head_scan::request_line(std::string_view line) {
  const std::size_t method_end = skip(token_bytes, line);
  if (method_end == 0 || method_end == line.size() || line[method_end] != ' ') {
    fail("no method at the front of the request line");
  }
  if (method_end > max_method_bytes) fail("a method longer than 32 bytes", 501);
  const std::size_t target_begin = method_end + 1;
  const std::size_t target_end = skip(target_bytes, line, target_begin);
  if (target_end == target_begin) fail("no target in the request line");
  if (target_end == line.size()) fail("no version in the request line");
  if (line[target_end] != ' ') fail("a byte in the request target that no target may have");
  if (target_end - target_begin > limits_.target_bytes) {
    fail("a target longer than " + std::to_string(limits_.target_bytes) + " bytes", 414);
  }
  version = parse_version(line.substr(target_end + 1));
  method = line.substr(0, method_end);
  target = line.substr(target_begin, target_end - target_begin);
  if (!is_target_of(method, target)) fail("a request target in none of the four forms");
}

// HTTP-version SP status-code SP [reason-phrase] (RFC 9112, section 4). Many servers leave out the
// second space together with the phrase; nothing can be misread by taking that.
void head_scan::status_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) fail("no status in the status line");
  version = parse_version(line.substr(0, space));
  const std::string_view rest = line.substr(space + 1);
  if (rest.size() < 3 || !std::all_of(rest.begin(), rest.begin() + 3, is_digit) ||
      (rest.size() > 3 && rest[3] != ' ')) {
    fail("a status that is not three digits");
  }
  status = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
  if (status < 100) fail("a status below 100");
  reason = rest.size() > 4 ? rest.substr(4) : std::string_view();
}

// field-name ":" OWS field-value OWS (RFC 9112, section 5). The bytes of the value are checked.
void head_scan::field_line(std::string_view line) {
  if (continues_) {
    headers_access::extend_last(fields, trim_ows(line));
    return;
  }
  const std::size_t colon = skip(token_bytes, line);
  if (colon == line.size()) fail("a field line without a colon");
  if (line[colon] != ':') {
    fail(is_ows(line[colon]) ? "a space in a field name" : "a byte that no field name may have");
  }
  if (colon == 0) fail("an empty field name");
  if (fields.size() == limits_.fields) {
    fail("more than " + std::to_string(limits_.fields) + " fields", 431);
  }
  const std::string_view value = trim_ows(line.substr(colon + 1));
  if (colon + 2 + value.size() == line.size() && line[colon + 1] == ' ') {
    // As everybody writes it, and as it is kept: one copy, with the CRLF that stands behind it.
    headers_access::append_line(fields, {line.data(), line.size() + 2}, colon);
  } else {
    headers_access::append(fields, line.substr(0, colon), value);
  }
}

http::version head_scan::parse_version(std::string_view text) const {
  if (text == "HTTP/1.1") return http::version::http_1_1;
  if (text == "HTTP/1.0") return http::version::http_1_0;
  const bool well_formed = text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) &&
                           text[6] == '.' && is_digit(text[7]);
  if (!well_formed) fail("no HTTP version in the start line");
  fail("a version that is neither HTTP/1.0 nor HTTP/1.1", 505);
}

void head_scan::line_too_long(std::string_view line) const {
  if (place_ == place::start_line && kind_ == scan_kind::request) {
    // RFC 9112, section 3: 501 for a long method, 414 for a long target.
    if (skip(token_bytes, line) > max_method_bytes) fail("a method longer than 32 bytes", 501);
    fail("a target longer than " + std::to_string(limits_.target_bytes) + " bytes", 414);
  }
  fail("a line longer than " + std::to_string(limits_.line_bytes) + " bytes", 431);
}

void head_scan::head_too_long() const {
  fail("more than " + std::to_string(max_bytes_) + " bytes", 431);
}

void head_scan::fail(std::string_view what, int answer_status) const {
  std::string message;
  switch (kind_) {
    case scan_kind::request: message = "bad request: "; break;
    case scan_kind::response: message = "bad response: "; break;
    case scan_kind::trailers: message = "bad trailers: "; break;
  }
  message += what;
  message += " (line " + std::to_string(line_number_) + " of the head)";
  throw protocol_error(message, of_response_ ? 502 : answer_status);
}

}  // namespace rondo::http::detail
