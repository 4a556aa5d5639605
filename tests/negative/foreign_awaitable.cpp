// refused: a rondo::task can await only Rondo's awaitables
#include <rondo/runtime.hpp>

#include <coroutine>

using namespace rondo;

task<> wrong() { co_await std::suspend_always(); }
