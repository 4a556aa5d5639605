// Two runs of `rondo load` side by side: how many times as much, and within which bounds that is
// likely.
#pragma once

#include "load.hpp"

#include <string>

namespace rondo::tools {

// `before`: what as_json() gave of another run. Throws std::invalid_argument when it is none.
//
// A ratio stands with its interval of 95 %. Of a percentile it comes from the ranks between which
// the true one lies (the order statistics of a binomial distribution); of the mean, and so of a
// closed loop's rate, from the variance that the histogram shows. Both take the answers for
// independent, and those of one run are not quite: neighbours share their fate, and a second run
// tells more than a narrow interval.
std::string compare(const load_report& now, const std::string& before);

}  // namespace rondo::tools
