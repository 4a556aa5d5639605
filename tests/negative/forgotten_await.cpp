// refused: no answer until it is awaited: co_await it
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<bool> may_enter(int) { co_return false; }

task<int> wrong(int user) {
  if (may_enter(user)) co_return 1;
  co_return 0;
}
