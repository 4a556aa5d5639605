#include <rondo/patterns/retry_after.hpp>
#include <rondo/runtime/core/http_date.hpp>
#include <rondo/runtime/core/wall_clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace rondo {
namespace {

using namespace std::chrono;

bool all_digits(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

wall_time wall_now() noexcept { return detail::wall_clock_now(); }

std::optional<nanoseconds> parse_retry_after(std::string_view text, wall_time now) {
  if (all_digits(text)) {
    nanoseconds total{};
    for (const char c : text) {
      const seconds digit(c - '0');
      if (total > (nanoseconds::max() - digit) / 10) return nanoseconds::max();
      total = total * 10 + digit;
    }
    return total;
  }
  const std::optional<sys_seconds> until =
      detail::parse_http_date(text, std::chrono::floor<seconds>(now));
  if (!until) return std::nullopt;
  // The years of a date reach further than a count of nanoseconds does.
  constexpr seconds furthest = duration_cast<seconds>(nanoseconds::max()) - seconds(1);
  if (until->time_since_epoch() > furthest) return nanoseconds::max();
  if (*until <= floor<seconds>(now)) return nanoseconds::zero();
  return wall_time(*until) - now;
}

}  // namespace rondo
