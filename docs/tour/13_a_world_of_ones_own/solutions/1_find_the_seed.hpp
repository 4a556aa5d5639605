// Exercise 13.1: find the seed. A larger scenario need not fail because a smaller one does, so the
// sizes are tried from the smallest on.
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
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    if (holds(seed, size)) continue;
    int least = 1;
    while (holds(seed, least)) ++least;
    return {seed, least};
  }
  return {};
}

}  // namespace tour
