// Wrong: the address sanitizer says "stack-use-after".
//
// The captures are in the lambda, and the lambda is gone when its coroutine runs.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> greet_later(std::string& said) {
  const std::string name = "Ada";
  return [name, &said]() -> rt::task<> {
    co_await rt::sleep_ms(1);
    said = "hello " + name;
  }();
}
// end wrong

int main() {
  std::string said;
  rt::run(rt::simulation(), greet_later(said));
}
