// What policies take from the loop that runs them, and from the system where none runs: the time,
// a seed, and a place for exceptions that nobody awaits.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <cstdint>

namespace rondo::detail {

// The running loop's time; the clock's when none runs.
time_point policy_now() noexcept;
// Different every time; in the simulation always the same, so that a run can be repeated.
std::uint64_t policy_seed() noexcept;
// Where the exceptions of listeners go: on_unhandled, or standard error when no loop runs.
void report_exception() noexcept;

}  // namespace rondo::detail
