// retry_after: reads how long a callee asks to be left alone, in the two forms that HTTP's
// Retry-After field has (RFC 9110, section 10.2.3) and other protocols have taken from it.
//
//   parse_retry_after("120")                              // 120 s
//   parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT")    // until then
//   retry().retry_after([](const busy_error& e) …): see retry.hpp
//
// This is where HTTP's dates are read. Cookies have a looser grammar of their own, and a reader of
// their own in http/.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <optional>
#include <string_view>

namespace rondo {

using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// The system's time of day; in the simulation, its own (simulation_options::start).
wall_time wall_now() noexcept;

// How long `text` asks to wait, counted from `now`; zero for a date that has passed, the longest
// duration for a number too large to count; none when it is neither a number of seconds nor a date
// in one of the three forms of RFC 9110, section 5.6.7. No white space around it.
std::optional<std::chrono::nanoseconds> parse_retry_after(std::string_view text, wall_time now);
inline std::optional<std::chrono::nanoseconds> parse_retry_after(std::string_view text) {
  return parse_retry_after(text, wall_now());
}

}  // namespace rondo
