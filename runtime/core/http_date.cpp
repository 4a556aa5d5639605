#include <rondo/runtime/core/http_date.hpp>

#include <array>
#include <chrono>
#include <cstddef>

namespace rondo::detail {
namespace {

using namespace std::chrono;

constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::array<std::string_view, 7> day_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};

// A place in a text. Whatever does not fit makes it bad, and it stays so.
class scanner {
 public:
  explicit scanner(std::string_view text) noexcept : rest_(text) {}

  bool good_to_the_end() const noexcept { return good_ && rest_.empty(); }
  void expect(std::string_view literal) noexcept {
    good_ = good_ && rest_.substr(0, literal.size()) == literal;
    if (good_) rest_.remove_prefix(literal.size());
  }
  // Exactly so many digits; the first may be a blank where asctime pads with one.
  int number(std::size_t digits, bool padded = false) noexcept {
    int n = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = good_ && !rest_.empty() ? rest_.front() : '?';
      const bool blank = padded && i == 0 && c == ' ';
      good_ = good_ && (blank || (c >= '0' && c <= '9'));
      if (!good_) return 0;
      if (!blank) n = n * 10 + (c - '0');
      rest_.remove_prefix(1);
    }
    return n;
  }
  unsigned month() noexcept {
    const std::size_t found = month_names.find(rest_.substr(0, 3));
    good_ = good_ && rest_.size() >= 3 && found % 3 == 0;
    if (!good_) return 1;
    rest_.remove_prefix(3);
    return static_cast<unsigned>(found / 3 + 1);
  }
  // True when it begins with a name of a day, in full or its first three letters.
  bool day_name(bool full) noexcept {
    for (std::string_view name : day_names) {
      if (!full) name = name.substr(0, 3);
      if (rest_.substr(0, name.size()) != name) continue;
      rest_.remove_prefix(name.size());
      return true;
    }
    return false;
  }
  seconds time_of_day() noexcept {
    const int h = number(2);
    expect(":");
    const int m = number(2);
    expect(":");
    const int s = number(2);
    good_ = good_ && h < 24 && m < 60 && s <= 60;  // 60: a leap second
    return hours(h) + minutes(m) + seconds(s);
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::optional<sys_seconds> time_at(int y, unsigned m, int d, seconds time) noexcept {
  const year_month_day date{year(y), month(m), day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + time;
}

// A year of two digits that seems more than 50 years in the future is the latest one past that ends
// so.
int full_year(int two_digits, sys_seconds now) noexcept {
  const int this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
  const int y = this_year - this_year % 100 + two_digits;
  return y > this_year + 50 ? y - 100 : y;
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, sys_seconds now) noexcept {
  scanner s(text);
  if (const std::size_t comma = text.find(','); comma == std::string_view::npos) {
    // Sun Nov  6 08:49:37 1994
    if (!s.day_name(false)) return std::nullopt;
    s.expect(" ");
    const unsigned m = s.month();
    s.expect(" ");
    const int d = s.number(2, true);
    s.expect(" ");
    const seconds time = s.time_of_day();
    s.expect(" ");
    const int y = s.number(4);
    return s.good_to_the_end() ? time_at(y, m, d, time) : std::nullopt;
  } else if (comma == 3) {
    // Sun, 06 Nov 1994 08:49:37 GMT
    if (!s.day_name(false)) return std::nullopt;
    s.expect(", ");
    const int d = s.number(2);
    s.expect(" ");
    const unsigned m = s.month();
    s.expect(" ");
    const int y = s.number(4);
    s.expect(" ");
    const seconds time = s.time_of_day();
    s.expect(" GMT");
    return s.good_to_the_end() ? time_at(y, m, d, time) : std::nullopt;
  }
  // Sunday, 06-Nov-94 08:49:37 GMT
  if (!s.day_name(true)) return std::nullopt;
  s.expect(", ");
  const int d = s.number(2);
  s.expect("-");
  const unsigned m = s.month();
  s.expect("-");
  const int y = s.number(2);
  s.expect(" ");
  const seconds time = s.time_of_day();
  s.expect(" GMT");
  return s.good_to_the_end() ? time_at(full_year(y, now), m, d, time) : std::nullopt;
}

}  // namespace rondo::detail
