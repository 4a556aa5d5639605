// The time of day: the system's, or in the simulation its start and the virtual time since then. By
// it certificates are valid, cookies expire, and dates of HTTP are written and read.
#pragma once

#include <rondo/runtime/core/clock.hpp>

namespace rondo::detail {

std::chrono::sys_time<nanoseconds> wall_clock_now() noexcept;

}  // namespace rondo::detail
