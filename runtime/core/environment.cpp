#include <rondo/runtime/core/environment.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace rondo::detail {
namespace {

[[noreturn]] void refuse_value(const char* name, const std::string& said, const char* may_be) {
  throw std::invalid_argument(std::string(name) + " is \"" + said + "\"; it may be " + may_be);
}

// The number at the beginning, as 50 or 1.5, which goes from `text`. libc++ 19 has no
// std::from_chars for it, and strtod asks the locale what a point is.
std::optional<double> take_number(std::string_view& text) noexcept {
  double n = 0;
  double scale = 1;
  std::size_t digits = 0;
  bool behind_the_point = false;
  while (!text.empty()) {
    const char c = text.front();
    if (c >= '0' && c <= '9') {
      n = n * 10 + (c - '0');
      if (behind_the_point) scale *= 10;
      ++digits;
    } else if (c == '.' && !behind_the_point) {
      behind_the_point = true;
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  if (digits == 0 || !(n / scale >= 0)) return std::nullopt;  // none, or more than a double holds
  return n / scale;
}

}  // namespace

std::optional<std::string> text_in_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  if (!value || !*value) return std::nullopt;
  return value;
}

std::optional<bool> flag_in_environment(const char* name) {
  const std::optional<std::string> said = text_in_environment(name);
  if (!said) return std::nullopt;
  if (*said != "0" && *said != "1") refuse_value(name, *said, "0 or 1");
  return *said == "1";
}

std::optional<nanoseconds> time_in_environment(const char* name) {
  using std::chrono::duration;
  const std::optional<std::string> said = text_in_environment(name);
  if (!said) return std::nullopt;
  std::string_view unit = *said;
  if (const std::optional<double> number = take_number(unit)) {
    const double n = *number;
    if (unit == "ns") return saturate(duration<double, std::nano>(n));
    if (unit == "us") return saturate(duration<double, std::micro>(n));
    if (unit == "ms") return saturate(duration<double, std::milli>(n));
    if (unit == "s") return saturate(duration<double>(n));
    if (unit == "m") return saturate(duration<double, std::ratio<60>>(n));
    if (unit.empty() && n == 0) return nanoseconds::zero();
  }
  refuse_value(name, *said, "a time with its unit, as 50ms, 1.5s or 200us");
}

}  // namespace rondo::detail
