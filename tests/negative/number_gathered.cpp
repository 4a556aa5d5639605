// refused: this is neither a task, nor another of Rondo's awaitables
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace std::chrono_literals;

task<int> answer() { co_return 42; }

task<> wrong() { auto [a, b] = co_await gather(answer(), 42); }
