// refused: a const task can be neither awaited nor handed over
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<> work() { co_return; }

task<> wrong(task_group& g) {
  const task<> t = work();
  g.spawn(std::move(t));
  co_return;
}
