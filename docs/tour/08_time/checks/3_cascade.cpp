// Each time up to 4,095, armed at several moments before it.
#include "../../stage/check.hpp"

#include EXERCISE

int main() {
  tour::two_levels wheel;
  constexpr int last = 4095;
  std::vector<int> armed(last + 1), fired(last + 1);
  const auto arm = [&](int when) {
    if (when <= wheel.now() || when > last) return;
    ++armed[static_cast<std::size_t>(when)];
    wheel.arm(when);
  };
  for (int when = 1; when <= last; ++when) arm(when);
  for (int now = 1; now <= last; ++now) {
    wheel.tick([&](int when) {
      tour::check(when == wheel.now(), "at %d, a timer fired that is due at %d", wheel.now(), when);
      ++fired[static_cast<std::size_t>(when)];
    });
    for (const int after : {1, 63, 64, 65, 128, 1000}) arm(now + after);
  }
  for (std::size_t when = 1; when <= last; ++when)
    tour::check(fired[when] == armed[when], "of %d timers that were due at %zu, %d have fired",
                armed[when], when, fired[when]);
  std::puts("each timer fired at its time, and not before");
}
