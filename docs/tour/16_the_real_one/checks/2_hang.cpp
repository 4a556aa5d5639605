// Money goes to and fro, round in a circle, and from an account to itself, all at once. It runs in
// the simulation, which knows when nothing can happen any more.
// Needs: rondo
#include "../../stage/check.hpp"

#include EXERCISE

#include <exception>
#include <memory>
#include <vector>

namespace {

rondo::task<> all(std::vector<std::unique_ptr<tour::account>>& a) {
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    const int ways[][2] = {{0, 1}, {1, 0}, {1, 2}, {2, 0}, {2, 1}, {0, 2}, {1, 1}};
    for (const auto& [from, to] : ways) {
      const auto name = "from " + std::to_string(from) + " to " + std::to_string(to);
      g.spawn([name, &one = *a[from], &other = *a[to], amount = 10 + from]() -> rondo::task<> {
        rondo::set_task_name(name);
        co_await tour::move_money(one, other, amount);
      });
    }
    co_return;
  });
}

}  // namespace

int main() {
  std::vector<std::unique_ptr<tour::account>> a;
  for (int i = 0; i < 3; ++i) a.push_back(std::make_unique<tour::account>(i));
  try {
    rondo::run(all(a), rondo::run_options().simulation(rondo::simulation_options()));
  } catch (const std::exception& e) {
    tour::check(false, "%s", e.what());
  }
  const int sum = a[0]->money + a[1]->money + a[2]->money;
  tour::check(sum == 300, "there were 300, and now there are %d", sum);
  tour::check(a[0]->money == 103 && a[1]->money == 100, "account 0 has %d, account 1 has %d",
              a[0]->money, a[1]->money);
  std::puts("nobody waits for somebody who waits for him");
}
