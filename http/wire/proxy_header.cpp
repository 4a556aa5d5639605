#include <rondo/http/errors.hpp>
#include <rondo/http/wire/proxy_header.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

namespace rondo::http::detail {
namespace {

constexpr std::string_view v1_begin = "PROXY ";
constexpr std::string_view v2_begin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_head = 16;  // with the version, the family and the length

[[noreturn]] void refuse_proxy(const char* why) {
  throw protocol_error(std::string("no header of the PROXY protocol: ") + why);
}

// Whether one begins as the other does, as far as both go.
bool agrees(std::string_view a, std::string_view b) noexcept {
  const std::size_t n = std::min(a.size(), b.size());
  return a.substr(0, n) == b.substr(0, n);
}

// --- version 1 -----------------------------------------------------------------------------------

// Up to the next space, or the end.
std::string_view take_word(std::string_view& line) noexcept {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

net::address read_v1_address(std::string_view word, bool v6) {
  net::address a;
  // inet_pton takes no zeros in front, as the protocol asks; zones are ours alone.
  if (word.find('%') != std::string_view::npos || !net::address::try_parse(word, a) ||
      a.is_v6() != v6)
    refuse_proxy(v6 ? "an address that is no IPv6 address" : "an address that is no IPv4 address");
  return a;
}

std::uint16_t read_v1_port(std::string_view word) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  const bool zeros_in_front = word.size() > 1 && word.front() == '0';
  if (error != std::errc() || end != word.data() + word.size() || zeros_in_front)
    refuse_proxy("a port that is none");
  return port;
}

// The line without its end.
std::optional<net::endpoint> read_v1_line(std::string_view line) {
  line.remove_prefix(v1_begin.size());
  const std::size_t spaces = static_cast<std::size_t>(std::ranges::count(line, ' '));
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return std::nullopt;  // whatever follows
  if (family != "TCP4" && family != "TCP6") refuse_proxy("a family that is none");
  if (spaces != 4) refuse_proxy("not two addresses and two ports, with single spaces between");
  const bool v6 = family == "TCP6";
  const net::address source = read_v1_address(take_word(line), v6);
  read_v1_address(take_word(line), v6);
  const std::uint16_t port = read_v1_port(take_word(line));
  read_v1_port(take_word(line));
  return net::endpoint(source, port);
}

// How much of the line is still to come, at least: its end, and the words that the family asks for.
std::size_t v1_rest(std::string_view so_far) noexcept {
  constexpr std::size_t line_end = 2;
  constexpr std::size_t shortest_unknown = 15;  // "PROXY UNKNOWN\r\n"
  if (so_far.size() < shortest_unknown) return shortest_unknown - so_far.size();
  if (so_far.ends_with('\r')) return 1;
  const bool v4 = so_far.starts_with("PROXY TCP4 ");
  if (!v4 && !so_far.starts_with("PROXY TCP6 ")) return line_end;
  const std::size_t address =
      v4 ? std::string_view("1.1.1.1").size() : std::string_view("::").size();
  // Words that have not begun, each with the space before it.
  const std::array<std::size_t, 3> words{address, 1, 1};
  const auto begun = static_cast<std::size_t>(std::ranges::count(so_far, ' ')) - 2;
  std::size_t rest = line_end;
  for (std::size_t i = begun; i < words.size(); ++i) rest += words[i] + 1;
  return rest;
}

proxy_header read_v1(std::string_view so_far) {
  const std::size_t end = so_far.find('\n');
  if (end == std::string_view::npos) {
    const std::size_t lone = so_far.find('\r');
    if (lone != std::string_view::npos && lone + 1 < so_far.size())
      refuse_proxy("a CR without a LF");
    if (so_far.size() >= proxy_v1_bytes) refuse_proxy("a line of more than 107 bytes");
    return {.wants = std::min(v1_rest(so_far), proxy_v1_bytes - so_far.size())};
  }
  if (end + 1 > proxy_v1_bytes) refuse_proxy("a line of more than 107 bytes");
  if (end == 0 || so_far[end - 1] != '\r') refuse_proxy("a LF without a CR");
  if (end + 1 != so_far.size()) refuse_proxy("bytes behind its end");
  return {.complete = true, .source = read_v1_line(so_far.substr(0, end - 1))};
}

// --- version 2 -----------------------------------------------------------------------------------

std::uint8_t byte_at(std::string_view s, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(s[i]);
}
std::size_t two_bytes_at(std::string_view s, std::size_t i) noexcept {
  return static_cast<std::size_t>(byte_at(s, i)) << 8 | byte_at(s, i + 1);
}

// CRC32c (RFC 3720, appendix B.4), bit by bit: a header is short, and comes once a connection.
std::uint32_t crc32c(std::string_view s) noexcept {
  std::uint32_t crc = 0xffffffff;
  for (const char c : s) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

// What follows the addresses: type, length, value. All that is looked at is the checksum.
void check_v2_values(std::string_view header, std::size_t at) {
  constexpr std::uint8_t checksum = 3;
  while (at < header.size()) {
    if (header.size() - at < 3) refuse_proxy("a value that is cut off");
    const std::size_t size = two_bytes_at(header, at + 1);
    if (header.size() - at - 3 < size) refuse_proxy("a value that is longer than the header");
    if (byte_at(header, at) == checksum) {
      if (size != 4) refuse_proxy("a checksum that is none");
      const auto said = static_cast<std::uint32_t>(two_bytes_at(header, at + 3) << 16 |
                                                   two_bytes_at(header, at + 5));
      std::string zeroed(header);
      zeroed.replace(at + 3, 4, 4, '\0');
      if (crc32c(zeroed) != said) refuse_proxy("a checksum that is wrong");
    }
    at += 3 + size;
  }
}

net::address v2_address(std::string_view header, bool v6) noexcept {
  std::array<std::uint8_t, 16> b{};
  for (std::size_t i = 0; i < (v6 ? 16U : 4U); ++i) b.at(i) = byte_at(header, v2_head + i);
  return v6 ? net::address::v6(b) : net::address::v4(b[0], b[1], b[2], b[3]);
}

proxy_header read_v2(std::string_view so_far) {
  if (so_far.size() < v2_head) return {.wants = v2_head - so_far.size()};
  const std::uint8_t version = byte_at(so_far, 12) >> 4;
  const std::uint8_t command = byte_at(so_far, 12) & 15;
  const std::uint8_t family = byte_at(so_far, 13) >> 4;
  const std::uint8_t protocol = byte_at(so_far, 13) & 15;
  const std::size_t size = v2_head + two_bytes_at(so_far, 14);
  if (version != 2) refuse_proxy("a version that is not 2");
  if (command > 1) refuse_proxy("a command that is none");
  if (family > 3 || protocol > 2) refuse_proxy("a family that is none");
  static constexpr std::array<std::size_t, 4> addresses{0, 12, 36, 216};
  const bool local = command == 0;
  // Of LOCAL, all that follows is to be skipped.
  const std::size_t values = v2_head + (local ? 0 : addresses.at(family));
  if (size < values) refuse_proxy("a length that its addresses do not fit in");
  if (size > proxy_v2_bytes) refuse_proxy("more than 4096 bytes");
  if (so_far.size() < size) return {.wants = size - so_far.size()};
  if (so_far.size() > size) refuse_proxy("bytes behind its end");
  if (local) return {.complete = true};
  check_v2_values(so_far, values);
  const bool v6 = family == 2;
  if (protocol != 1 || (family != 1 && !v6)) return {.complete = true};
  const auto port = static_cast<std::uint16_t>(two_bytes_at(so_far, v2_head + (v6 ? 32 : 8)));
  return {.complete = true, .source = net::endpoint(v2_address(so_far, v6), port)};
}

}  // namespace

proxy_header read_proxy_header(std::string_view so_far) {
  if (agrees(so_far, v1_begin)) {
    // Both versions have 15 bytes at least, and none begins as the other does.
    if (so_far.empty()) return {.wants = 15};
    return read_v1(so_far);
  }
  if (agrees(so_far, v2_begin)) return read_v2(so_far);
  refuse_proxy("another beginning");
}

}  // namespace rondo::http::detail
