// Exercise 15.2: jitter. The cap is looked at before the doubling, so that nothing can overflow.
#pragma once

#include "../../13_a_world_of_ones_own/chance.hpp"

namespace tour {

// In ms; attempts are counted from 1, without end.
inline std::int64_t delay_after(int attempt, std::int64_t first, std::int64_t cap, chance& draw) {
  std::int64_t most = first;
  for (int i = 1; i < attempt && most < cap; ++i) most = most > cap / 2 ? cap : most * 2;
  return draw.between(0, most < cap ? most : cap);
}

}  // namespace tour
