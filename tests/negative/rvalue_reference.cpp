// refused: a task cannot return an rvalue reference
#include <rondo/runtime.hpp>

using namespace rondo;

task<int&&> wrong();

task<> caller() { (void)co_await wrong(); }
