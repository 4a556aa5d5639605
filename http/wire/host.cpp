#include <rondo/http/percent.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/host.hpp>

#ifdef RONDO_HAVE_IDN
#include <idn2.h>
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>

namespace rondo::http::detail {
namespace {

// Forbidden domain code points, WHATWG URL, section 3.1.
constexpr byte_class forbidden_in_domain = [] {
  byte_class out{};
  for (std::size_t c = 0; c <= 0x20; ++c) out[c] = true;
  for (char c : std::string_view("#/:<>?@[\\]^|%\x7f")) out[static_cast<unsigned char>(c)] = true;
  return out;
}();

// What stands in a normal form as it was given.
constexpr byte_class plain_in_domain = [] {
  byte_class out{};
  for (std::size_t c = 0; c < 0x80; ++c)
    out[c] = !forbidden_in_domain[c] && !(c >= 'A' && c <= 'Z');
  return out;
}();

constexpr std::uint64_t too_large = std::uint64_t{1} << 32;  // any number no IPv4 part can be

// One part of an IPv4 address: decimal, 0octal or 0xhex. Saturates at `too_large`.
std::optional<std::uint64_t> parse_ipv4_number(std::string_view s) {
  if (s.empty()) return std::nullopt;
  unsigned base = 10;
  if (s.size() >= 2 && s[0] == '0') {
    const bool hex = s[1] == 'x' || s[1] == 'X';
    base = hex ? 16 : 8;
    s.remove_prefix(hex ? 2 : 1);
  }
  std::uint64_t value = 0;  // "0x" alone is zero
  for (char c : s) {
    const int digit = hex_value(c);
    if (digit < 0 || static_cast<unsigned>(digit) >= base) return std::nullopt;
    value = value * base + static_cast<unsigned>(digit);
    if (value > too_large) value = too_large;
  }
  return value;
}

std::string_view last_label(std::string_view s) {
  const std::size_t dot = s.rfind('.');
  return dot == std::string_view::npos ? s : s.substr(dot + 1);
}

// A name whose last label is a number is an IPv4 address or nothing.
bool ends_in_a_number(std::string_view s) {
  if (s.ends_with('.')) {
    s.remove_suffix(1);
    if (s.empty()) return false;
  }
  const std::string_view last = last_label(s);
  if (last.empty()) return false;
  bool all_digits = true;
  for (char c : last) all_digits = all_digits && is_digit(c);
  return all_digits || parse_ipv4_number(last).has_value();
}

host_result parse_ipv4(std::string_view s) {
  if (s.ends_with('.')) s.remove_suffix(1);
  std::array<std::uint64_t, 4> parts{};
  std::size_t count = 0;
  while (true) {
    const std::size_t dot = s.find('.');
    const auto number = parse_ipv4_number(s.substr(0, dot));
    if (!number) return {.host = {}, .problem = "the IPv4 address has a part that is no number"};
    if (count == parts.size()) {
      return {.host = {}, .problem = "the IPv4 address has more than four parts"};
    }
    parts[count++] = *number;
    if (dot == std::string_view::npos) break;
    s.remove_prefix(dot + 1);
  }
  // The last part fills all the bytes that the others left: 127.1 is 127.0.0.1.
  std::uint64_t address = parts[count - 1];
  bool fits = address < std::uint64_t{1} << (8 * (5 - count));
  for (std::size_t i = 0; i + 1 < count; ++i) {
    fits = fits && parts[i] <= 255;
    address += parts[i] << (8 * (3 - i));
  }
  if (!fits) return {.host = {}, .problem = "the IPv4 address has a part that is too large"};
  host_result out;
  std::array<char, 16> text{};
  char* end = text.data();
  for (int shift = 24; shift >= 0; shift -= 8) {
    end = std::to_chars(end, text.data() + text.size(), (address >> shift) & 255).ptr;
    if (shift > 0) *end++ = '.';
  }
  out.host.assign(text.data(), end);
  return out;
}

using ipv6_pieces = std::array<std::uint16_t, 8>;

// The dotted IPv4 address at the end of an IPv6 one; two pieces.
bool parse_embedded_ipv4(std::string_view s, ipv6_pieces& pieces, std::size_t& count) {
  if (count > 6) return false;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (s.empty() || s[0] != '.') return false;
      s.remove_prefix(1);
    }
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < s.size() && is_digit(s[digits])) {
      if (digits > 0 && value == 0) return false;  // a leading zero
      value = value * 10 + static_cast<unsigned>(s[digits] - '0');
      if (value > 255) return false;
      ++digits;
    }
    if (digits == 0) return false;
    s.remove_prefix(digits);
    pieces[count] = static_cast<std::uint16_t>(pieces[count] * 256u + value);
    if (part % 2 == 1) ++count;
  }
  return s.empty();
}

std::optional<ipv6_pieces> parse_ipv6(std::string_view s) {
  ipv6_pieces pieces{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // where "::" stood
  if (s.starts_with("::")) {
    gap = 0;
    s.remove_prefix(2);
  } else if (s.starts_with(':')) {
    return std::nullopt;
  }
  while (!s.empty()) {
    if (count == pieces.size()) return std::nullopt;
    if (s[0] == ':') {
      if (gap) return std::nullopt;
      gap = count;
      s.remove_prefix(1);
      continue;
    }
    std::uint32_t value = 0;
    std::size_t digits = 0;
    while (digits < s.size() && digits < 4 && hex_value(s[digits]) >= 0) {
      value = value * 16 + static_cast<std::uint32_t>(hex_value(s[digits]));
      ++digits;
    }
    if (digits < s.size() && s[digits] == '.') {
      if (!parse_embedded_ipv4(s, pieces, count)) return std::nullopt;
      break;
    }
    if (digits == 0) return std::nullopt;
    s.remove_prefix(digits);
    pieces[count++] = static_cast<std::uint16_t>(value);
    if (s.empty()) break;
    if (s[0] != ':' || s.size() == 1) return std::nullopt;  // no single colon at the end
    s.remove_prefix(1);
  }
  if (!gap) return count == pieces.size() ? std::optional(pieces) : std::nullopt;
  if (count == pieces.size()) return std::nullopt;
  ipv6_pieces out{};
  for (std::size_t i = 0; i < *gap; ++i) out[i] = pieces[i];
  for (std::size_t i = *gap; i < count; ++i) out[out.size() - (count - i)] = pieces[i];
  return out;
}

// RFC 5952: lower case, no leading zeros, the first of the longest runs of zeros as "::".
std::string format_ipv6(const ipv6_pieces& pieces) {
  std::size_t best = 0;
  std::size_t best_length = 1;  // a single zero is not shortened
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::size_t length = 0;
    while (i + length < pieces.size() && pieces[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  std::string out = "[";
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (best_length > 1 && i == best) {
      out += i == 0 ? "::" : ":";
      i += best_length - 1;
      continue;
    }
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const unsigned digit = (pieces[i] >> shift) & 15u;
      started = started || digit != 0 || shift == 0;
      if (started) out += "0123456789abcdef"[digit];
    }
    if (i + 1 < pieces.size()) out += ':';
  }
  out += ']';
  return out;
}

bool is_ascii(std::string_view s) noexcept {
  return std::ranges::all_of(s, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A name beyond ASCII, given as UTF-8, in its xn-- form (UTS 46, nontransitional).
host_result to_ascii(const std::string& name) {
#ifdef RONDO_HAVE_IDN
  char* raw = nullptr;
  const int error = idn2_to_ascii_8z(name.c_str(), &raw, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&idn2_free)> ascii(raw, &idn2_free);
  if (error != IDN2_OK) return {.host = {}, .problem = idn2_strerror(error)};
  return {.host = ascii.get(), .problem = nullptr};
#else
  (void)name;
  return {.host = {}, .problem = "the host is not ASCII: give it in its xn-- form"};
#endif
}

}  // namespace

host_result parse_host(std::string_view text) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return {.host = {}, .problem = "the IPv6 address has no closing ']'"};
    const auto pieces = parse_ipv6(text.substr(1, text.size() - 2));
    if (!pieces) return {.host = {}, .problem = "the IPv6 address is malformed"};
    return {.host = format_ipv6(*pieces), .problem = nullptr};
  }
  if (!text.empty() && skip(plain_in_domain, text) == text.size()) {
    if (ends_in_a_number(text)) return parse_ipv4(text);
    return {.host = std::string(text), .problem = nullptr};
  }
  host_result out{.host = percent_decode(text), .problem = nullptr};
  if (!is_ascii(out.host)) {
    if (out.host.find('\0') != std::string::npos)
      return {.host = {}, .problem = "the host holds a character that no host may have"};
    out = to_ascii(out.host);
    if (out.problem) return out;
  }
  for (char& c : out.host) {
    if (contains(forbidden_in_domain, c)) {
      return {.host = {}, .problem = "the host holds a character that no host may have"};
    }
    c = to_lower(c);
  }
  if (out.host.empty()) return {.host = {}, .problem = "the host is empty"};
  if (ends_in_a_number(out.host)) return parse_ipv4(out.host);
  return out;
}

}  // namespace rondo::http::detail
