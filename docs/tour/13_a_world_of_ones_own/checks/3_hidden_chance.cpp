// The same three, at other addresses each time; one that leaves; and one that leaves because
// another was woken.
#include "../../stage/check.hpp"

#include EXERCISE

#include <algorithm>

int main() {
  int places[] = {0, 1, 2};
  do {
    tour::waiter at[3];
    const char* names[] = {"a", "b", "c"};
    tour::waiters all;
    for (int i = 0; i < 3; ++i) {
      at[places[i]].name = names[i];
      all.enter(at[places[i]]);
    }
    std::string woken;
    all.wake_all([&](tour::waiter& w) { woken += w.name; });
    tour::check(woken == "abc",
                "they came as a b c, and were woken as %s: it depends on where they stand",
                woken.c_str());
    for (const int i : places) all.enter(at[i]);
    all.leave(at[places[1]]);
    woken.clear();
    all.wake_all([&](tour::waiter& w) {
      woken += w.name;
      if (w.name == "a") all.leave(at[places[2]]);
    });
    tour::check(woken == "a", "b left, and c when a was woken; %s were woken", woken.c_str());
  } while (std::next_permutation(places, places + 3));
  std::puts("they are woken as they came, wherever they stand");
}
