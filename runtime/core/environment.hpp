// What the environment of a process asks for: switches that need no rebuild.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <optional>
#include <string>

namespace rondo::detail {

// All of them give nullopt for a variable that is not set, or empty. What cannot be read throws
// std::invalid_argument, which names the variable, what it says and what it may say.

// "1" and "0".
std::optional<bool> flag_in_environment(const char* name);
// "50ms", "2s", "1.5s", "100us", "10ns", "1m"; "0".
std::optional<nanoseconds> time_in_environment(const char* name);
// Anything.
std::optional<std::string> text_in_environment(const char* name);

}  // namespace rondo::detail
