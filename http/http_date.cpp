#include <rondo/http/http_date.hpp>
#include <rondo/runtime/reactor_sim.hpp>

#include <array>
#include <chrono>
#include <cstdio>

namespace rondo::http::detail {

std::chrono::sys_seconds wall_clock_now() noexcept {
  using namespace std::chrono;
  return floor<seconds>(rondo::detail::wall_clock_now());
}

std::string_view http_date_now() {
  using namespace std::chrono;
  thread_local std::array<char, 32> text{};
  thread_local sys_seconds made{seconds(-1)};
  const sys_seconds now = wall_clock_now();
  if (now != made) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const sys_days day = floor<std::chrono::days>(now);
    const year_month_day date(day);
    const hh_mm_ss time(now - day);
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    made = now;
  }
  return text.data();
}

}  // namespace rondo::http::detail
