#include <rondo/http/server/ranges.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <limits>
#include <optional>

namespace rondo::http::detail {
namespace {

// Digits alone; what is too large to count is the largest number.
std::optional<std::uint64_t> position(std::string_view text) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t n = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    n = n > (most - digit) / 10 ? most : n * 10 + digit;
  }
  return n;
}

enum class asked : std::uint8_t { some, nothing, nonsense };

// One range-spec: `out` is what it asks of `size` bytes.
asked read_range(std::string_view spec, std::uint64_t size, byte_range& out) noexcept {
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return asked::nonsense;
  const std::string_view from = spec.substr(0, dash);
  const std::string_view to = spec.substr(dash + 1);
  if (from.empty()) {
    const std::optional<std::uint64_t> suffix = position(to);
    if (!suffix) return asked::nonsense;
    out.size = std::min(*suffix, size);
    out.first = size - out.size;
    return out.size > 0 ? asked::some : asked::nothing;
  }
  const std::optional<std::uint64_t> first = position(from);
  const std::optional<std::uint64_t> last =
      to.empty() ? std::numeric_limits<std::uint64_t>::max() : position(to);
  if (!first || !last || *last < *first) return asked::nonsense;
  if (*first >= size) return asked::nothing;
  out.first = *first;
  out.size = std::min(*last, size - 1) - *first + 1;
  return asked::some;
}

void sort_and_merge(std::vector<byte_range>& parts) {
  std::ranges::sort(parts, {}, &byte_range::first);
  std::size_t kept = 0;
  for (const byte_range& next : parts) {
    byte_range& last = parts[kept];
    if (next.first > last.first + last.size)
      parts[++kept] = next;
    else
      last.size = std::max(last.size, next.first + next.size - last.first);
  }
  parts.resize(kept + 1);
}

}  // namespace

range_choice choose_ranges(std::string_view field, std::uint64_t size) {
  using kind = range_choice::kind;
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos || !iequals(field.substr(0, equals), "bytes")) return {};
  range_choice choice;
  bool any = false;
  for (std::string_view rest = field.substr(equals + 1);;) {
    const std::size_t comma = rest.find(',');
    const std::string_view spec = trim_ows(rest.substr(0, comma));
    if (!spec.empty()) {  // empty members of a list are nothing (RFC 9110, section 5.6.1.2)
      byte_range part;
      const asked what = read_range(spec, size, part);
      if (what == asked::nonsense) return {};
      if (what == asked::some) choice.parts.push_back(part);
      any = true;
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (!any || size == 0) return {};
  if (choice.parts.empty()) {
    choice.what = kind::unsatisfiable;
    return choice;
  }
  sort_and_merge(choice.parts);
  if (choice.parts.size() > most_ranges) return {};
  choice.what = kind::parts;
  return choice;
}

std::string content_range(const byte_range& part, std::uint64_t size) {
  return "bytes " + std::to_string(part.first) + '-' + std::to_string(part.first + part.size - 1) +
         '/' + std::to_string(size);
}

std::string unsatisfied_range(std::uint64_t size) { return "bytes */" + std::to_string(size); }

multipart_ranges frame_ranges(const std::vector<byte_range>& parts, std::uint64_t size,
                              std::string_view type, std::string_view boundary) {
  multipart_ranges m;
  m.content_type.append("multipart/byteranges; boundary=").append(boundary);
  for (const byte_range& part : parts) {
    std::string head = m.heads.empty() ? "--" : "\r\n--";
    head.append(boundary).append("\r\n");
    if (!type.empty()) head.append("Content-Type: ").append(type).append("\r\n");
    head.append("Content-Range: ").append(content_range(part, size)).append("\r\n\r\n");
    m.size += head.size() + part.size;
    m.heads.push_back(std::move(head));
  }
  m.tail.append("\r\n--").append(boundary).append("--\r\n");
  m.size += m.tail.size();
  return m;
}

}  // namespace rondo::http::detail
