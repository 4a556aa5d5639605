// refused: several tasks are handed over as an rvalue: std::move(tasks)
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<> wrong(std::vector<task<int>> tasks) {
  const std::vector<int> numbers = co_await gather(tasks);
}
