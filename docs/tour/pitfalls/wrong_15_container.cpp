// Wrong: the address sanitizer says "heap-use-after-free".
//
// To wait in the middle of going through a container. Others change it meanwhile.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
rt::task<> tell_all(std::vector<std::string>& guests, std::string& told) {
  for (const std::string& guest : guests) {
    co_await rt::sleep_ms(1);
    told += guest + " ";
  }
}

rt::task<> come(std::vector<std::string>& guests) {
  co_await rt::sleep_ms(1);
  for (int i = 0; i < 20; ++i) guests.push_back("another one");
}
// end wrong

rt::task<> both(std::vector<std::string>& guests, std::string& told) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(come(guests));
    g.spawn(tell_all(guests, told));
    co_return;
  });
}

int main() {
  std::vector<std::string> guests = {"Ada", "Grace"};
  std::string told;
  rt::run(rt::simulation(), both(guests, told));
}
