#include <rondo/http/wire/http_date.hpp>
#include <rondo/runtime/core/wall_clock.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace rondo::http::detail {

std::chrono::sys_seconds wall_clock_now() noexcept {
  using namespace std::chrono;
  return floor<seconds>(rondo::detail::wall_clock_now());
}

namespace {

using date_text = std::array<char, 32>;

void write_date(date_text& text, std::chrono::sys_seconds at) {
  using namespace std::chrono;
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_days day = floor<std::chrono::days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                days[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
}

}  // namespace

std::string_view http_date_now() {
  thread_local date_text text{};
  thread_local std::chrono::sys_seconds made{std::chrono::seconds(-1)};
  const std::chrono::sys_seconds now = wall_clock_now();
  if (now != made) {
    write_date(text, now);
    made = now;
  }
  return text.data();
}

std::string http_date(std::chrono::sys_seconds at) {
  using namespace std::chrono;
  constexpr sys_seconds first{seconds(0)};
  constexpr sys_seconds last = sys_days(year(9999) / December / 31) + days(1) - seconds(1);
  date_text text{};
  write_date(text, std::clamp(at, first, last));
  return text.data();
}

}  // namespace rondo::http::detail
