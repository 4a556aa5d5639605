// The reading of one Set-Cookie field (RFC 6265bis, sections 5.1 and 5.6).
#include <rondo/http/cookies.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace rondo::http::detail {
namespace {

constexpr std::size_t max_pair_bytes = 4096;
constexpr std::size_t max_attribute_bytes = 1024;
constexpr auto longest_life = std::chrono::days(400);

bool is_refused_control(char c) noexcept {
  return c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f);
}

// The text up to `c`, which is dropped with it; all of it when there is none.
std::string_view take_until(std::string_view& text, char c) {
  const std::size_t at = std::min(text.find(c), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

// Max-Age: nullopt when it is to be ignored.
std::optional<std::chrono::sys_seconds> parse_max_age(std::string_view text,
                                                      std::chrono::sys_seconds now) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = negative ? text.substr(1) : text;
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  std::int64_t seconds = 0;
  const std::int64_t most = std::chrono::seconds(longest_life).count();
  for (const char c : digits) seconds = std::min(most, seconds * 10 + (c - '0'));
  if (negative || seconds == 0) return std::chrono::sys_seconds::min();
  return now + std::chrono::seconds(seconds);
}

same_site parse_same_site(std::string_view text) noexcept {
  if (iequals(text, "none")) return same_site::none;
  if (iequals(text, "lax")) return same_site::lax;
  if (iequals(text, "strict")) return same_site::strict;
  return same_site::unset;
}

bool is_date_delimiter(char c) noexcept {
  const auto b = static_cast<unsigned char>(c);
  return b == 0x09 || (b >= 0x20 && b <= 0x2f) || (b >= 0x3b && b <= 0x40) ||
         (b >= 0x5b && b <= 0x60) || (b >= 0x7b && b <= 0x7e);
}

// `least` to `most` digits at the front of `text`, which must not be followed by another; then
// anything.
std::optional<int> leading_number(std::string_view& text, std::size_t least, std::size_t most) {
  std::size_t n = 0;
  int value = 0;
  while (n < text.size() && is_digit(text[n])) {
    if (n == most) return std::nullopt;
    value = value * 10 + (text[n++] - '0');
  }
  if (n < least) return std::nullopt;
  text.remove_prefix(n);
  return value;
}

struct time_of_day {
  int hour, minute, second;
};
std::optional<time_of_day> parse_time(std::string_view token) {
  const auto hour = leading_number(token, 1, 2);
  if (!hour || !token.starts_with(':')) return std::nullopt;
  token.remove_prefix(1);
  const auto minute = leading_number(token, 1, 2);
  if (!minute || !token.starts_with(':')) return std::nullopt;
  token.remove_prefix(1);
  const auto second = leading_number(token, 1, 2);
  if (!second) return std::nullopt;
  return time_of_day{*hour, *minute, *second};
}

std::optional<int> parse_month(std::string_view token) {
  static constexpr std::array<std::string_view, 12> months{
      "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  for (std::size_t i = 0; i < months.size(); ++i)
    if (iequals(token.substr(0, 3), months[i])) return static_cast<int>(i) + 1;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text) {
  std::optional<time_of_day> time;
  std::optional<int> day;
  std::optional<int> month;
  std::optional<int> year;
  while (!text.empty()) {
    std::size_t n = 0;
    while (n < text.size() && !is_date_delimiter(text[n])) ++n;
    const std::string_view token = text.substr(0, n);
    text.remove_prefix(std::min(n + 1, text.size()));
    if (token.empty()) continue;
    std::string_view rest = token;
    if (!time) {
      time = parse_time(token);
      if (time) continue;
    }
    if (!day) {
      day = leading_number(rest, 1, 2);
      if (day) continue;
    }
    if (!month) {
      month = parse_month(token);
      if (month) continue;
    }
    rest = token;
    if (!year) year = leading_number(rest, 2, 4);
  }
  if (!time || !day || !month || !year) return std::nullopt;
  if (*year >= 70 && *year <= 99) *year += 1900;
  if (*year >= 0 && *year <= 69) *year += 2000;
  if (*year < 1601 || time->hour > 23 || time->minute > 59 || time->second > 59)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(time->hour) +
         std::chrono::minutes(time->minute) + std::chrono::seconds(time->second);
}

std::optional<parsed_cookie> parse_set_cookie(std::string_view text, std::chrono::sys_seconds now) {
  if (std::ranges::any_of(text, is_refused_control)) return std::nullopt;
  std::string_view pair = take_until(text, ';');
  const bool has_name = pair.find('=') != std::string_view::npos;
  const std::string_view name = has_name ? trim_ows(take_until(pair, '=')) : std::string_view();
  const std::string_view value = trim_ows(pair);
  if (name.size() + value.size() > max_pair_bytes || (name.empty() && value.empty()))
    return std::nullopt;

  parsed_cookie out;
  cookie& c = out.c;
  c.name = name;
  c.value = value;
  std::optional<std::chrono::sys_seconds> max_age;
  while (!text.empty()) {
    std::string_view part = take_until(text, ';');
    const std::string_view key = trim_ows(take_until(part, '='));
    const std::string_view v = trim_ows(part);
    if (v.size() > max_attribute_bytes) continue;
    if (iequals(key, "expires")) {
      if (const auto date = parse_cookie_date(v)) c.expires = std::min(*date, now + longest_life);
    } else if (iequals(key, "max-age")) {
      if (const auto at = parse_max_age(v, now)) max_age = at;
    } else if (iequals(key, "domain")) {
      c.domain = v.starts_with('.') ? v.substr(1) : v;
      for (char& ch : c.domain) ch = to_lower(ch);
    } else if (iequals(key, "path")) {
      out.path_is_given = v.starts_with('/');
      c.path = out.path_is_given ? v : std::string_view();
    } else if (iequals(key, "secure")) {
      c.secure = true;
    } else if (iequals(key, "httponly")) {
      c.http_only = true;
    } else if (iequals(key, "samesite")) {
      c.same_site = parse_same_site(v);
    }
  }
  if (max_age) c.expires = max_age;  // it counts for more than Expires
  return out;
}

bool domain_matches(std::string_view host, std::string_view domain) noexcept {
  if (host == domain) return true;
  if (host.size() <= domain.size() || !host.ends_with(domain)) return false;
  if (host[host.size() - domain.size() - 1] != '.') return false;
  // An address is no name, and its parts are no domains. The last label of a name is never a
  // number.
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !std::ranges::all_of(last, is_digit);
}

bool path_matches(std::string_view request_path, std::string_view path) noexcept {
  if (!request_path.starts_with(path)) return false;
  return request_path.size() == path.size() || path.ends_with('/') ||
         request_path[path.size()] == '/';
}

std::string default_path(std::string_view request_path) {
  const std::size_t last = request_path.rfind('/');
  if (!request_path.starts_with('/') || last == 0) return "/";
  return std::string(request_path.substr(0, last));
}

}  // namespace rondo::http::detail
