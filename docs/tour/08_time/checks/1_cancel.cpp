// A thousand timers, cancelled from the end, from the middle and from the beginning.
#include "../../stage/check.hpp"

#include EXERCISE

#include <vector>

int main() {
  constexpr std::size_t n = 1000;
  std::vector<tour::listed> all(n);
  tour::timer_list list;
  for (std::size_t i = 0; i < n; ++i) {
    all[i].name = static_cast<int>(i);
    list.add(all[i]);
  }
  const auto cancel = [&](std::size_t i) {
    const long before = tour::touches;
    list.cancel(all[i]);
    const long took = tour::touches - before;
    tour::check(took <= 12, "to cancel timer %zu of %zu, %ld links were touched", i, n, took);
  };
  cancel(n - 1);
  cancel(n / 2);
  cancel(0);
  cancel(n / 2);  // again
  for (std::size_t i = 1; i < n; i += 2) cancel(i);

  for (std::size_t i = 2; i < n; i += 2) {
    if (i == n / 2) continue;
    const tour::listed* t = list.take_first();
    tour::check(t != nullptr, "timer %zu should come, and there is none", i);
    tour::check(t->name == static_cast<int>(i), "timer %zu should come, and %d does", i, t->name);
  }
  tour::check(list.take_first() == nullptr, "all have been taken or cancelled, and one comes");
  list.add(all[5]);
  list.add(all[3]);
  list.cancel(all[3]);
  list.add(all[7]);
  for (const int name : {5, 7}) {
    const tour::listed* t = list.take_first();
    tour::check(t != nullptr && t->name == name, "timer %d should come after it was added again",
                name);
  }
  std::puts("a thousand timers, and to cancel one takes a handful of links");
}
