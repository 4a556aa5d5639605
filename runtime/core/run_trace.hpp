// What a loop did, as a file for Perfetto and chrome://tracing (run_options::trace_file).
#pragma once

#include <rondo/runtime/core/loop_core.hpp>

#include <memory>
#include <string>

namespace rondo::detail {

// Observes its loop, and writes to the file when much has come together and when the loop ends. A
// file that cannot be written is logged. Throws std::bad_alloc.
std::shared_ptr<loop_observer> observe_for_trace(loop_core& l, std::string path);

}  // namespace rondo::detail
