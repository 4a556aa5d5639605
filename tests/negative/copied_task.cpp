// refused: deleted
#include <rondo/runtime.hpp>

using namespace rondo;

task<> work() { co_return; }

task<> wrong() {
  task<> t = work();
  task<> u = t;
  co_await std::move(u);
}
