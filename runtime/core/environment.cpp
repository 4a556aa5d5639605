#include <rondo/runtime/core/environment.hpp>

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace rondo::detail {
namespace {

[[noreturn]] void refuse(const char* name, const std::string& said, const char* may_be) {
  throw std::invalid_argument(std::string(name) + " is \"" + said + "\"; it may be " + may_be);
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
  if (*said != "0" && *said != "1") refuse(name, *said, "0 or 1");
  return *said == "1";
}

std::optional<nanoseconds> time_in_environment(const char* name) {
  using std::chrono::duration;
  const std::optional<std::string> said = text_in_environment(name);
  if (!said) return std::nullopt;
  double n = 0;
  const char* const end = said->data() + said->size();
  const auto [rest, error] = std::from_chars(said->data(), end, n, std::chars_format::fixed);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  if (error == std::errc() && n >= 0) {
    if (unit == "ns") return saturate(duration<double, std::nano>(n));
    if (unit == "us") return saturate(duration<double, std::micro>(n));
    if (unit == "ms") return saturate(duration<double, std::milli>(n));
    if (unit == "s") return saturate(duration<double>(n));
    if (unit == "m") return saturate(duration<double, std::ratio<60>>(n));
    if (unit.empty() && n == 0) return nanoseconds::zero();
  }
  refuse(name, *said, "a time with its unit, as 50ms, 1.5s or 200us");
}

}  // namespace rondo::detail
