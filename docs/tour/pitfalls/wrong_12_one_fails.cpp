// Wrong: exits with 1 and says "one of three failed, and 0 pages came".
//
// In a group one failure stops the others. Three pages, each of which is good alone, want
// something else.
#include "../13_a_world_of_ones_own/simulation.hpp"

// begin wrong
struct no_page {};
rt::task<> fetch(int n, int& pages) {
  co_await rt::sleep_ms(n);
  if (n == 1) throw no_page();
  ++pages;
}

rt::task<> fetch_three(int& pages) {
  try {
    co_await rt::with_group([&](rt::group& g) -> rt::task<> {
      for (const int n : {1, 2, 3}) g.spawn(fetch(n, pages));
      co_return;
    });
  } catch (const no_page&) {
  }
}
// end wrong

int main() {
  int pages = 0;
  rt::run(rt::simulation(), fetch_three(pages));
  std::printf("one of three failed, and %d pages came\n", pages);
  return pages == 2 ? 0 : 1;
}
