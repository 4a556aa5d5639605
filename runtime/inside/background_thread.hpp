// A thread that looks at the process from beside it and ends with it: no signal is delivered there.
#pragma once

namespace rondo::detail {

// Runs fn(argument) on it. Throws std::system_error.
void start_thread(void (*fn)(void*), void* argument);

}  // namespace rondo::detail
