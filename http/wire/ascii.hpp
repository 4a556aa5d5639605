// Byte classes and comparisons of HTTP (RFC 9110, section 5.6). Internal.
//
// HTTP is bytes, not text in some locale: nothing here looks at <cctype>.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rondo::http::detail {

using byte_class = std::array<bool, 256>;

constexpr byte_class with(byte_class set, std::string_view more) noexcept {
  for (char c : more) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_ows(char c) noexcept { return c == ' ' || c == '\t'; }

// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// tchar, RFC 9110, section 5.6.2.
inline constexpr byte_class token_bytes = [] {
  byte_class out{};
  for (int c = 0; c < 128; ++c) {
    out[static_cast<std::size_t>(c)] =
        is_alpha(static_cast<char>(c)) || is_digit(static_cast<char>(c));
  }
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) out[static_cast<unsigned char>(c)] = true;
  return out;
}();

// field-vchar, SP and HTAB, RFC 9110, section 5.5: what may stand within a field's value.
inline constexpr byte_class text_bytes = [] {
  byte_class out{};
  for (std::size_t c = 0; c < 256; ++c) out[c] = c == '\t' || (c >= 0x20 && c != 0x7f);
  return out;
}();

constexpr bool contains(const byte_class& set, char c) noexcept {
  return set[static_cast<unsigned char>(c)];
}

// The offset of the first byte of `s` at or after `from` that is not in `set`; s.size() if none is.
constexpr std::size_t skip(const byte_class& set, std::string_view s,
                           std::size_t from = 0) noexcept {
  while (from < s.size() && contains(set, s[from])) ++from;
  return from;
}

// The same for text_bytes, eight bytes at a time: a head consists of little else.
inline std::size_t skip_text(std::string_view s, std::size_t from) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t each = 0x0101'0101'0101'0101;
    constexpr std::uint64_t top = 0x80 * each;
    while (from + 8 <= s.size()) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, s.data() + from, 8);
      // The top bit of every byte below 0x20, and of every DEL; above the lowest one a borrow may
      // set more.
      const std::uint64_t del = eight ^ (0x7f * each);
      const std::uint64_t found = (((eight - 0x20 * each) & ~eight) | ((del - each) & ~del)) & top;
      if (found == 0) {
        from += 8;
        continue;
      }
      from += static_cast<std::size_t>(std::countr_zero(found)) / 8;
      if (s[from] != '\t') return from;
      ++from;
    }
  }
  return skip(text_bytes, s, from);
}

constexpr bool is_token(std::string_view s) noexcept {
  return !s.empty() && skip(token_bytes, s) == s.size();
}

constexpr std::string_view trim_ows(std::string_view s) noexcept {
  while (!s.empty() && is_ows(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_ows(s.back())) s.remove_suffix(1);
  return s;
}

constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

constexpr bool istarts_with(std::string_view text, std::string_view prefix) noexcept {
  return iequals(text.substr(0, prefix.size()), prefix);
}

}  // namespace rondo::http::detail
