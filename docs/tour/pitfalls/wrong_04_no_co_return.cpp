// Wrong: the compiler says "does not return a value".
//
// The end of a coroutine that promises a value is no end.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<int> twice(int n) { co_await rt::sleep_ms(n); }
// end wrong

int main() {
  rt::run(rt::simulation(), [](int& n) -> rt::task<> { n = co_await twice(1); }(*new int));
}
