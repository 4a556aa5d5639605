// Wrong: exits with 1 and says "a question of 11 bytes, and an answer to 7".
//
// A read brings what is there, and that may be a part of what was sent.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> answer(rt::stream s, std::size_t& asked) {
  char text[64];
  asked = co_await rt::read_some(s, text, sizeof text);
}
// end wrong

rt::task<> ask(std::size_t& asked) {
  auto ends = rt::open_pair();
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(answer(std::move(ends.second), asked));
    co_await rt::write_all(ends.first, "who is ");
    co_await rt::sleep_ms(1);
    co_await rt::write_all(ends.first, "it?\n");
  });
}

int main() {
  std::size_t asked = 0;
  rt::run(rt::simulation(), ask(asked));
  std::printf("a question of 11 bytes, and an answer to %zu\n", asked);
  return asked == 11 ? 0 : 1;
}
