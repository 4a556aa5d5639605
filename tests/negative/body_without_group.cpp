// refused: with_task_group wants a callable (task_group&) -> task<>
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<> wrong() {
  co_await with_task_group([]() -> task<> { co_return; });
}
