// refused: finally's cleanup is a callable without parameters that gives a task<>
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<> work() { co_return; }

task<> wrong() {
  co_await finally(work(), [] {});
}
