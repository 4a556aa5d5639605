// The count that count_allocations.hpp keeps and accounts read.
#pragma once

#include <atomic>
#include <cstdint>

namespace rondo::test::detail {

// Given and not taken back. Counted by whoever replaces operator new.
extern constinit std::atomic<std::int64_t> allocations_alive;
// Somebody has replaced it.
extern constinit std::atomic<bool> allocations_are_counted;

}  // namespace rondo::test::detail
