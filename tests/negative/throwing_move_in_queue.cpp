// refused: a queue hands items from task to task: moving one must not throw
#include <rondo/runtime.hpp>

using namespace rondo;

struct item {
  item() = default;
  item(item&&) noexcept(false) {}
};

queue<item> wrong(1);
