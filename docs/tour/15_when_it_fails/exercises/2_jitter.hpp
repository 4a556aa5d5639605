// Exercise 15.2: jitter.
//
// How long to wait before the next attempt: twice as long each time. Fifty callers that have failed
// in the same moment come back in the same moment. And after thirty failures it is days, or less
// than nothing. Draw it: anything from 0 to the doubled time (that is called full jitter), and
// never more than `cap`.
#pragma once

#include "../../13_a_world_of_ones_own/chance.hpp"

namespace tour {

// In ms; attempts are counted from 1, without end.
inline std::int64_t delay_after(int attempt, std::int64_t first, std::int64_t cap, chance& draw) {
  (void)cap, (void)draw;
  return first << (attempt - 1);
}

}  // namespace tour
