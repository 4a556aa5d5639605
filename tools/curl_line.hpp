// The curl command that does what a `rondo fetch` would: to hand on, or to compare with.
#pragma once

#include "fetch.hpp"

#include <string>

namespace rondo::tools {

// A line for each URL, quoted for a shell (POSIX, section 2.2). What curl cannot do alike is left
// out: rows, JSON, and the number of connections. Throws std::invalid_argument as fetch().
std::string curl_lines(const fetch_options& options);

}  // namespace rondo::tools
