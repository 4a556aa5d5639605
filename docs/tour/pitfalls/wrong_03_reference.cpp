// Wrong: the address sanitizer says "stack-use-after".
//
// A parameter that is a reference keeps nothing alive. The string goes at the end of its statement.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> greet(const std::string& name, std::string& said) {
  co_await rt::sleep_ms(1);
  said = "hello " + name;
}

rt::task<> greet_all(std::string& said) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(greet("Ada", said));
    co_return;
  });
}
// end wrong

int main() {
  std::string said;
  rt::run(rt::simulation(), greet_all(said));
}
