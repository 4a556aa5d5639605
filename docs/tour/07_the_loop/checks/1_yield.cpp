// Three tasks that write down when they have their turn.
#include "../../stage/check.hpp"
#include "../loop.hpp"

#include EXERCISE

#include <string>

namespace {

tour::task<> three_times(tour::loop& l, char name, std::string& turns) {
  for (int i = 0; i < 3; ++i) {
    turns += name;
    co_await tour::yield(l);
  }
}

}  // namespace

int main() {
  tour::loop l;
  std::string turns;
  for (const char name : {'a', 'b', 'c'}) l.spawn(three_times(l, name, turns));
  l.run();
  tour::check(turns == "abcabcabc", "three tasks had their turns as %s", turns.c_str());
  tour::check(l.turns() == 4, "three rounds, and a last one in which they end, took %ld turns",
              l.turns());
  std::puts("three tasks have their turns as abcabcabc");
}
