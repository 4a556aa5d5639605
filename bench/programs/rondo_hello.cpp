// One task, one sleep.
#include <rondo/runtime.hpp>

#include <cstdio>

rondo::task<> hello() {
  co_await rondo::sleep_for(std::chrono::milliseconds(1));
  std::puts("hello");
}

int main() { return rondo::run_main(hello()); }
