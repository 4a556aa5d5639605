// refused: this callable gives nothing to await: make it a coroutine
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

void wrong() {
  run([] {});
}
