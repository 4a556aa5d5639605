// refused: several tasks are handed over as an rvalue: std::move(tasks)
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<int> wrong(std::vector<task<int>> tasks) { co_return co_await race(tasks); }
