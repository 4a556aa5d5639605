#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/framing.hpp>

#include <charconv>

namespace rondo::http::detail {
namespace {

// Above it a sum with a file offset could overflow.
constexpr std::uint64_t max_content_length = static_cast<std::uint64_t>(INT64_MAX);

constexpr byte_class host_bytes = [] {
  byte_class out{};
  for (int c = 0; c < 128; ++c) {
    out[static_cast<std::size_t>(c)] =
        is_alpha(static_cast<char>(c)) || is_digit(static_cast<char>(c));
  }
  for (char c : std::string_view("-._~%!$&'()*+;=")) out[static_cast<unsigned char>(c)] = true;
  return out;
}();

struct refusal {
  bool response;
  [[noreturn]] void operator()(const char* what, int status = 400) const {
    throw protocol_error(std::string(response ? "bad response: " : "bad request: ") + what,
                         response ? 502 : status);
  }
};

// 1*DIGIT: no sign, no list, no space.
std::uint64_t parse_content_length(std::string_view s, const refusal& fail) {
  if (s.empty()) fail("an empty Content-Length");
  std::uint64_t value = 0;
  for (char c : s) {
    if (!is_digit(c)) fail("a Content-Length that is not a number");
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (max_content_length - digit) / 10) fail("a Content-Length above 2^63 - 1");
    value = value * 10 + digit;
  }
  return value;
}

void check_transfer_encoding(std::string_view s, const refusal& fail) {
  if (iequals(s, "chunked")) return;
  // RFC 9112, section 6.1: a coding that is not known, with chunked as the last, is 501.
  const std::size_t comma = s.rfind(',');
  if (comma != std::string_view::npos && iequals(trim_ows(s.substr(comma + 1)), "chunked")) {
    fail("a Transfer-Encoding other than chunked", 501);
  }
  fail("a Transfer-Encoding that does not end in chunked");
}

// One "name=digits" of a Keep-Alive field (RFC 2068, section 19.7.1.1).
std::optional<std::uint32_t> number_of(std::string_view member, std::string_view name) {
  const std::size_t equals = member.find('=');
  if (equals == std::string_view::npos || !iequals(trim_ows(member.substr(0, equals)), name))
    return std::nullopt;
  const std::string_view digits = trim_ows(member.substr(equals + 1));
  std::uint32_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return n;
}

void read_hint(std::string_view value, keep_alive_hint& hint) {
  std::string_view member;
  for (std::size_t at = 0; headers_access::next_in_list(value, at, member);) {
    if (const auto n = number_of(member, "timeout")) hint.seconds = n;
    if (const auto n = number_of(member, "max")) hint.requests = n;
  }
}

}  // namespace

framing_fields read_framing(const headers& fields, version v, bool response,
                            bool allow_repeated_length) {
  const refusal fail{response};
  framing_fields out;
  std::string_view length;
  std::string_view option;
  bool transfer_encoding = false;
  bool upgrade = false;
  bool upgrade_token = false;
  // One pass, and a look at the size first: most fields are none of these.
  for (const auto& [name, value] : fields) {
    switch (name.size()) {
      case 4:
        if (!iequals(name, "host")) break;
        ++out.hosts;
        out.host = value;
        break;
      case 7:
        if (iequals(name, "upgrade")) upgrade = true;
        break;
      case 10:
        if (response && iequals(name, "keep-alive")) read_hint(value, out.hint);
        if (!iequals(name, "connection")) break;
        for (std::size_t at = 0; headers_access::next_in_list(value, at, option);) {
          out.close = out.close || iequals(option, "close");
          out.keep_alive = out.keep_alive || iequals(option, "keep-alive");
          upgrade_token = upgrade_token || iequals(option, "upgrade");
        }
        break;
      case 14:
        if (!iequals(name, "content-length")) break;
        if (out.content_length) {
          if (!allow_repeated_length || value != length) fail("more than one Content-Length");
          out.repeated_content_length = true;
          break;
        }
        length = value;
        out.content_length = parse_content_length(value, fail);
        break;
      case 17:
        if (!iequals(name, "transfer-encoding")) break;
        if (transfer_encoding) fail("more than one Transfer-Encoding");
        transfer_encoding = true;
        check_transfer_encoding(value, fail);
        out.chunked = true;
        break;
      default: break;
    }
  }
  if (out.chunked && out.content_length) {
    fail("both Content-Length and Transfer-Encoding");
  }
  if (out.chunked && v == version::http_1_0) fail("Transfer-Encoding in HTTP/1.0");
  out.upgrade = upgrade && upgrade_token;
  return out;
}

bool is_host(std::string_view s) noexcept {
  std::size_t end = 0;
  if (s.starts_with('[')) {
    end = s.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    for (char c : s.substr(1, end - 1)) {
      if (c != ':' && !contains(host_bytes, c)) return false;
    }
    ++end;
  } else {
    end = skip(host_bytes, s);
  }
  if (end == s.size()) return true;
  if (s[end] != ':') return false;
  for (char c : s.substr(end + 1)) {
    if (!is_digit(c)) return false;
  }
  return true;
}

void check_host(const framing_fields& f, version v) {
  const refusal fail{false};
  if (f.hosts == 0 && v == version::http_1_1) fail("no Host field");
  if (f.hosts > 1) fail("more than one Host field");
  if (f.hosts == 1 && !is_host(f.host)) fail("a Host field that names no host");
}

body_framing request_framing(const framing_fields& f, std::string_view method) {
  const bool length = f.content_length.value_or(0) > 0;
  // RFC 9110, section 9.3.6: what follows a CONNECT is a tunnel's, so a body could be read as one.
  if (method == "CONNECT" && (f.chunked || length)) refusal{false}("a CONNECT request with a body");
  if (f.chunked) return body_framing::chunked;
  return length ? body_framing::length : body_framing::none;
}

body_framing response_framing(const framing_fields& f, int status,
                              std::string_view method) noexcept {
  // RFC 9112, section 6.3, in its order.
  if (method == "HEAD" || status < 200 || status == 204 || status == 304) return body_framing::none;
  if (method == "CONNECT" && status < 300) return body_framing::none;
  if (f.chunked) return body_framing::chunked;
  if (!f.content_length) return body_framing::until_close;
  return *f.content_length > 0 ? body_framing::length : body_framing::none;
}

bool stays_open(const framing_fields& f, version v) noexcept {
  if (f.close) return false;
  return v == version::http_1_1 || f.keep_alive;
}

}  // namespace rondo::http::detail
