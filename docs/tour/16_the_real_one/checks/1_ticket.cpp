// Three in the line; the second gives up; and one that is to stop before it comes there. In the
// simulation: where nothing can happen any more, run() says so instead of hanging.
// Needs: rondo
#include "../../stage/check.hpp"

#include EXERCISE

#include <chrono>
#include <exception>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;

namespace {

rondo::task<> stand(tour::counter& c, std::vector<int>& got) { got.push_back(co_await c.ticket()); }

rondo::task<> three(tour::counter& c, std::vector<int>& got) {
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    g.spawn(stand(c, got));
    g.spawn([&]() -> rondo::task<> {
      co_await rondo::try_for(10ms, [&]() -> rondo::task<bool> {
        co_await stand(c, got);
        co_return true;
      });
    });
    g.spawn(stand(c, got));
    co_await rondo::sleep_for(20ms);
    tour::check(c.waiting() == 2, "one of three was told to stop, and %zu wait", c.waiting());
    for (int i = 0; i < 2; ++i) c.serve();
  });
}

rondo::task<> cancelled_before(tour::counter& c, std::vector<int>& got) {
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    g.cancel();  // this task is to stop, and goes on to its next wait
    co_await stand(c, got);
  });
}

}  // namespace

int main() {
  tour::counter c;
  std::vector<int> got;
  const rondo::run_options world = rondo::run_options().simulation(rondo::simulation_options());
  try {
    rondo::run(three(c, got), world);
    tour::check(got == std::vector<int>{1, 2}, "two tickets were served, and %zu were got",
                got.size());
    rondo::run(cancelled_before(c, got), world);
    tour::check(c.waiting() == 0, "one that is to stop stands in the line");
  } catch (const std::exception& e) {
    tour::check(false, "it hangs, says the simulation: %s", e.what());
  }
  std::puts("who is told to stop leaves the line, and nobody gets a ticket for him");
}
