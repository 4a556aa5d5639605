// refused: this callable gives nothing to await: make it a coroutine
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<> wrong() {
  const int n = co_await timeout(1s, [](int i) { return i; }, 1);
  (void)n;
}
