// Bounds, for many attempts; and fifty callers in one moment.
#include "../../stage/check.hpp"

#include EXERCISE

#include <algorithm>
#include <vector>

int main() {
  tour::chance draw(1);
  for (int attempt = 1; attempt <= 200; ++attempt)
    for (int i = 0; i < 50; ++i) {
      const std::int64_t d = tour::delay_after(attempt, 50, 30'000, draw);
      const std::int64_t most =
          attempt > 10 ? 30'000 : std::min<std::int64_t>(50 << (attempt - 1), 30'000);
      tour::check(d >= 0, "after attempt %d it waits for less than nothing", attempt);
      tour::check(d <= most, "after attempt %d it waits for %lld ms, and %lld are the most",
                  attempt, static_cast<long long>(d), static_cast<long long>(most));
    }
  std::vector<std::int64_t> fifty;
  for (int i = 0; i < 50; ++i) fifty.push_back(tour::delay_after(6, 50, 30'000, draw));
  std::ranges::sort(fifty);
  int together = 0;
  for (std::size_t i = 0; i < fifty.size(); ++i) {
    const auto end = std::ranges::upper_bound(fifty, fifty[i] + 10);
    together = std::max(together, static_cast<int>(end - fifty.begin()) - static_cast<int>(i));
  }
  tour::check(together < 10, "fifty callers have failed together, and %d come back within 10 ms",
              together);
  tour::check(fifty.front() < 400 && fifty.back() > 1200,
              "fifty delays of 0 to 1600 ms lie between %lld and %lld",
              static_cast<long long>(fifty.front()), static_cast<long long>(fifty.back()));
  std::puts("they come back one by one, and within the cap");
}
