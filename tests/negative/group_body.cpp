// refused: with_task_group wants a callable (task_group&) -> task<>
#include <rondo/runtime.hpp>

using namespace rondo;

task<> wrong() {
  co_await with_task_group([](task_group&) -> task<int> { co_return 1; });
}
