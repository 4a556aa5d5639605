// refused: spawn
#include <rondo/runtime.hpp>

using namespace rondo;

task<> work() { co_return; }

task<> wrong(task_group& g) {
  task<> t = work();
  g.spawn(t);
  co_return;
}
