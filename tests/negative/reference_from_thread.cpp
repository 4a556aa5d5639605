// refused: to_thread: the function must return a value, not a reference
#include <rondo/runtime.hpp>

using namespace rondo;

int n = 0;

task<> wrong() {
  (void)co_await to_thread([]() -> int& { return n; });
}
