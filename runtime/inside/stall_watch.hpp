// The watchdog: a thread that looks at the loops whose runs have a stall limit, several times
// within it, and logs where a step is that has run for longer: once a place, while it still runs.
// What it has seen is kept for `rondo stalls`.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/inside/watched_loop.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rondo::detail {

// A place at which a loop has been stuck.
struct stall_place {
  std::string text;  // the report
  std::uint64_t times = 0;
  nanoseconds longest{};
  pid_t thread = 0;
};

// From here the loop is looked at. Throws std::bad_alloc, std::system_error without a thread.
void watch_stalls(std::shared_ptr<watched_loop> l, nanoseconds limit);
void unwatch_stalls(const watched_loop& l) noexcept;
// A step that was reported has ended: how long it took.
void stall_ended(const watched_loop& l, std::uint64_t step, nanoseconds took) noexcept;

// Those seen so far, oldest first; at most 200.
std::vector<stall_place> stalls_seen();

}  // namespace rondo::detail
