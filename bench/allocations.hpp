// Counts what a program takes from the general allocator: linking allocations.cpp replaces operator
// new.
#pragma once

#include <cstdint>

namespace rondo::bench {

struct allocation_counts {
  std::uint64_t calls = 0;
  std::uint64_t bytes = 0;  // as requested
};

// By the calling thread, since it began.
allocation_counts allocations() noexcept;

}  // namespace rondo::bench
