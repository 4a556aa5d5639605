// refused: a task is awaited once, as an rvalue: co_await std::move(t)
#include <rondo/runtime.hpp>

using namespace rondo;

task<int> answer() { co_return 42; }

task<> wrong() {
  task<int> t = answer();
  (void)co_await t;
}
