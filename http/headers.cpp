#include <rondo/http/headers.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace rondo::http {
namespace {

constexpr std::size_t min_growth = 128;
constexpr std::size_t min_fields = 8;
constexpr std::size_t max_bytes = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void refuse_name(std::string_view name) {
  if (name.empty()) throw std::invalid_argument("a header field needs a name");
  // Only what comes before the bad byte is shown: "Authorization: Bearer …" given as a name must
  // not end up in a log.
  const std::size_t bad = detail::skip(detail::token_bytes, name);
  throw std::invalid_argument(
      "the header field name beginning with \"" + std::string(name.substr(0, bad < 64 ? bad : 64)) +
      "\" holds a byte that no name may have, at offset " + std::to_string(bad));
}

void check(std::string_view name, std::string_view value) {
  if (!detail::is_token(name)) refuse_name(name);
  const std::size_t bad = detail::skip_text(value, 0);
  if (bad == value.size()) return;
  throw std::invalid_argument("the value of header field \"" + std::string(name) +
                              "\" holds a control byte at offset " + std::to_string(bad));
}

// The length of the quoted string at the front of `s`, quotes included; 0 when it never ends.
std::size_t quoted_string(std::string_view s) noexcept {
  for (std::size_t i = 1; i < s.size(); ++i) {
    if (s[i] == '\\') {
      ++i;
    } else if (s[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

bool list_has(std::string_view list, std::string_view token) noexcept {
  std::string_view member;
  for (std::size_t at = 0; detail::headers_access::next_in_list(list, at, member);)
    if (detail::iequals(member, token)) return true;
  return false;
}

}  // namespace

headers::headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  for (const auto& [name, value] : fields) add(name, value);
}

void headers::append(std::string_view name, std::string_view value) {
  const std::size_t bytes = name.size() + value.size() + 4;
  if (bytes > max_bytes - text_.size()) throw std::length_error("header fields above 4 GiB");
  if (entries_.capacity() == 0) entries_.reserve(min_fields);
  const std::size_t begin = text_.size();
  const entry e{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(name.size()),
                static_cast<std::uint32_t>(value.size())};
  // The name or the value may be a view into text_ itself: grow into a new string first.
  if (text_.capacity() - begin < bytes) {
    std::string grown;
    grown.reserve(begin + std::max({bytes, begin, min_growth}));
    grown.append(text_).append(name).append(": ").append(value).append("\r\n");
    entries_.push_back(e);
    text_.swap(grown);
    return;
  }
  entries_.push_back(e);
  text_.resize(begin + bytes);  // within the capacity: nothing moves, and what is viewed stays
  char* to = text_.data() + begin;
  to = std::copy(name.begin(), name.end(), to);
  *to++ = ':';
  *to++ = ' ';
  to = std::copy(value.begin(), value.end(), to);
  *to++ = '\r';
  *to = '\n';
}

void headers::add(std::string_view name, std::string_view value) {
  value = detail::trim_ows(value);
  check(name, value);
  append(name, value);
}

void headers::set(std::string_view name, std::string_view value) {
  value = detail::trim_ows(value);
  check(name, value);
  if (!contains(name)) {
    append(name, value);
    return;
  }
  // Copies, because either may point into a field that is about to go.
  const std::string kept_name(name);
  const std::string kept_value(value);
  remove(kept_name);
  append(kept_name, kept_value);
}

std::size_t headers::remove(std::string_view name) {
  if (!contains(name)) return 0;
  const std::string wanted(name);  // it may point into a field that is about to move
  std::size_t kept = 0;
  std::uint32_t end = 0;
  for (const entry e : entries_) {
    if (detail::iequals(at(e).name, wanted)) continue;
    const std::uint32_t bytes = e.name_size + e.value_size + 4;
    std::memmove(text_.data() + end, text_.data() + e.begin, bytes);
    entries_[kept++] = {end, e.name_size, e.value_size};
    end += bytes;
  }
  const std::size_t removed = entries_.size() - kept;
  entries_.resize(kept);
  text_.resize(end);
  return removed;
}

void headers::clear() noexcept {
  text_.clear();
  entries_.clear();
}

std::optional<std::string_view> headers::get(std::string_view name) const noexcept {
  for (const entry& e : entries_) {
    const field f = at(e);
    if (detail::iequals(f.name, name)) return f.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> headers::get_all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [field_name, value] : *this) {
    if (detail::iequals(field_name, name)) out.push_back(value);
  }
  return out;
}

bool headers::contains(std::string_view name) const noexcept { return get(name).has_value(); }

std::size_t headers::count(std::string_view name) const noexcept {
  std::size_t n = 0;
  for (const auto& [field_name, value] : *this) n += detail::iequals(field_name, name) ? 1 : 0;
  return n;
}

bool headers::has_token(std::string_view name, std::string_view token) const noexcept {
  for (const auto& [field_name, value] : *this) {
    if (detail::iequals(field_name, name) && list_has(value, token)) return true;
  }
  return false;
}

namespace detail {

bool headers_access::next_in_list(std::string_view list, std::size_t& at,
                                  std::string_view& member) noexcept {
  if (at > list.size()) return false;
  std::size_t i = at;
  while (i < list.size() && list[i] != ',') {
    // A quote that never closes quotes nothing: what follows must not be hidden by it.
    const std::size_t quoted = list[i] == '"' ? quoted_string(list.substr(i)) : 0;
    i += quoted == 0 ? 1 : quoted;
  }
  member = trim_ows(list.substr(at, i - at));
  at = i + 1;
  return true;
}

void headers_access::append_line(headers& h, std::string_view line, std::size_t name_size) {
  if (line.size() > max_bytes - h.text_.size())
    throw std::length_error("header fields above 4 GiB");
  h.entries_.push_back({static_cast<std::uint32_t>(h.text_.size()),
                        static_cast<std::uint32_t>(name_size),
                        static_cast<std::uint32_t>(line.size() - name_size - 4)});
  h.text_ += line;
}

void headers_access::append_lower(headers& h, std::string_view name, std::string_view value) {
  h.append(name, value);
  char* const begin = h.text_.data() + h.entries_.back().begin;
  std::transform(begin, begin + name.size(), begin, to_lower);
}

void headers_access::extend_last(headers& h, std::string_view more) {
  if (more.empty()) return;
  headers::entry& last = h.entries_.back();
  const bool had_value = last.value_size > 0;
  h.text_.reserve(h.text_.size() + more.size() + 1);
  h.text_.resize(h.text_.size() - 2);
  if (had_value) h.text_ += ' ';
  h.text_.append(more).append("\r\n");
  last.value_size += static_cast<std::uint32_t>(more.size()) + (had_value ? 1u : 0u);
}

void headers_access::reserve(headers& h, std::size_t bytes, std::size_t fields) {
  h.text_.reserve(bytes);
  h.entries_.reserve(fields);
}

}  // namespace detail
}  // namespace rondo::http
