// A reader that takes what a read brings for a line, with so many lines; and scenarios made up.
#include "../../stage/check.hpp"
#include "../simulation.hpp"

#include EXERCISE

namespace {

tour::task<> some_lines(int lines, int& came) {
  auto ends = tour::open_pair();
  co_await tour::with_group([&](tour::group& g) -> tour::task<> {
    g.spawn([](tour::stream s, int& reads) -> tour::task<> {
      char text[64];
      while (co_await tour::read_some(s, text, sizeof text) > 0) ++reads;
    }(std::move(ends.second), came));
    tour::stream out = std::move(ends.first);
    for (int i = 0; i < lines; ++i) {
      co_await tour::write_all(out, "a line\n");
      co_await tour::sleep_ms(10);
    }
  });
}

bool holds(std::uint64_t seed, int lines) {
  int came = 0;
  tour::run(tour::simulation{.seed = seed, .short_reads = 0.01}, some_lines(lines, came));
  return came == lines;
}

}  // namespace

int main() {
  const tour::failure f = tour::find(holds, 1000, 40);
  tour::check(f.seed > 0 && !holds(f.seed, f.size), "seed %d does not fail with %d lines",
              static_cast<int>(f.seed), f.size);
  for (std::uint64_t seed = 1; seed < f.seed; ++seed)
    tour::check(holds(seed, 40), "seed %d fails, and it found a later one", static_cast<int>(seed));
  for (int size = 1; size < f.size; ++size)
    tour::check(holds(f.seed, size), "its seed fails with %d lines already, and it says %d", size,
                f.size);
  const auto odd = [](std::uint64_t seed, int size) {
    return seed != 3 || (size != 4 && size != 9);
  };
  const tour::failure some = tour::find(odd, 5, 9);
  tour::check(some.seed == 3 && some.size == 4,
              "seed 3 fails with the sizes 4 and 9, and not between; it says %d", some.size);
  const tour::failure none = tour::find([](std::uint64_t, int) { return true; }, 5, 9);
  tour::check(none.seed == 0, "every seed has held, and it found one");
  std::printf("seed %d fails with %d lines of 40: that can be read\n", static_cast<int>(f.seed),
              f.size);
}
