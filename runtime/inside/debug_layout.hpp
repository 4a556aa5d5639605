// Fills the table for debuggers (debug_table.hpp) with the layout of jobs, loops and scopes.
#pragma once

namespace rondo::detail {

// The first call does; it takes a microsecond.
void describe_layout() noexcept;

}  // namespace rondo::detail
