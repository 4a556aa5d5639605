// refused: a const task cannot be awaited: awaiting takes it apart
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<int> answer() { co_return 42; }

task<> wrong() {
  const task<int> t = answer();
  (void)co_await std::move(t);
}
