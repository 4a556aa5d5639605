// The Date field (RFC 9110, section 5.6.7).
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <string>
#include <string_view>

namespace rondo::http::detail {

// The time of day, in whole seconds; in the simulation, its own (simulation_options::start).
std::chrono::sys_seconds wall_clock_now() noexcept;

// The time of day as "Sun, 06 Nov 1994 08:49:37 GMT", made anew once a second and a thread. Lives
// until the next call on the same thread.
std::string_view http_date_now();

// Any time in that form; one outside the years 1970 to 9999 as the nearest within them.
std::string http_date(std::chrono::sys_seconds at);

}  // namespace rondo::http::detail
