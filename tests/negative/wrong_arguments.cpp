// refused: this cannot be called with these arguments
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<int> twice(int n) { co_return n * 2; }

task<> wrong(task_group& g) {
  g.spawn(twice, "two");
  co_return;
}
