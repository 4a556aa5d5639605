// Exercise 13.1: find the seed.
//
// A scenario holds or does not, by its seed and its size. Of a failure one wants the smallest: the
// first seed that fails with the full size, and then the least size with which that seed still
// fails. A small failure can be read. This one finds the seed, and leaves the size as it is.
#pragma once

#include <cstdint>

namespace tour {

struct failure {
  std::uint64_t seed = 0;  // 0: every seed has held
  int size = 0;
};

// `holds(seed, size)` runs it. Seeds are 1 to `seeds`, sizes 1 to `size`.
template <class Holds>
failure find(Holds holds, std::uint64_t seeds, int size) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (!holds(seed, size)) return {seed, size};
  return {};
}

}  // namespace tour
