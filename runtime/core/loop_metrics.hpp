// What a loop does, as numbers of a registry (run_options::metrics).
#pragma once

#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/metrics.hpp>

#include <memory>

namespace rondo::detail {

// Observes its loop: a look at the clock for each step and two for each turn. Throws
// std::bad_alloc.
std::shared_ptr<loop_observer> observe_for_metrics(loop_core& l, std::shared_ptr<metrics> m);

}  // namespace rondo::detail
