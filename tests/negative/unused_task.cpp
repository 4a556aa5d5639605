// refused: nodiscard
#include <rondo/runtime.hpp>

using namespace rondo;

#pragma GCC diagnostic error "-Wunused-result"

task<> work() { co_return; }

void wrong() { work(); }
