// The timer wheel by itself with a million timers in it: put in, taken out in another order, fired.
#include "harness.hpp"

#include <rondo/runtime/core/timers.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace rondo::bench {
namespace {

using detail::time_point;
using detail::timer;
using detail::timer_wheel;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t timers = 1'000'000;
constexpr std::size_t scatter = 7'919;  // a prime: steps through all of them far apart

void nothing(timer&) noexcept {}

// As large as a sleeping task's awaiter.
struct padded_timer : timer {
  padded_timer() noexcept : timer(&nothing) {}
  std::array<std::byte, 40> rest{};
};

// Deadlines between 100 and 1,100 seconds, in no order.
nanoseconds deadline_of(std::size_t i) {
  return seconds(100 + i * scatter % 1'000) + nanoseconds(i);
}

class full_wheel {
 public:
  full_wheel() : nodes_(timers) {
    fill();  // twice, so that the memory is there
    empty();
  }
  full_wheel(const full_wheel&) = delete;
  full_wheel& operator=(const full_wheel&) = delete;
  ~full_wheel() { empty(); }

  // Stamped 61 at a time, as the loop does.
  void fill() {
    for (std::size_t i = 0; i < timers; ++i) {
      wheel_.arm(nodes_[i], deadline_of(i));
      if (i % 61 == 60) wheel_.stamp(time_point{});
    }
    wheel_.stamp(time_point{});
  }
  void empty() noexcept {
    for (std::size_t i = 0; i < timers; ++i) wheel_.disarm(nodes_[i * scatter % timers]);
  }
  void fire() noexcept { wheel_.fire_due(time_point(seconds(2'000))); }

 private:
  std::vector<padded_timer> nodes_;
  timer_wheel wheel_;
};

void schedule(State& state) {
  full_wheel wheel;
  while (state.KeepRunningBatch(timers)) {
    const stopwatch watch;
    wheel.fill();
    state.SetIterationTime(watch.seconds());
    wheel.empty();
  }
}

void cancel(State& state) {
  full_wheel wheel;
  while (state.KeepRunningBatch(timers)) {
    wheel.fill();
    const stopwatch watch;
    wheel.empty();
    state.SetIterationTime(watch.seconds());
  }
}

void fire(State& state) {
  full_wheel wheel;
  while (state.KeepRunningBatch(timers)) {
    wheel.fill();
    const stopwatch watch;
    wheel.fire();
    state.SetIterationTime(watch.seconds());
  }
}

}  // namespace

void add_timers() {
  const auto add_million = [](const char* name, void (*body)(State&)) {
    add(name, body).Iterations(timers)->UseManualTime();
  };
  add_million("timers_1e6/schedule", schedule);
  add_million("timers_1e6/cancel", cancel);
  add_million("timers_1e6/fire", fire);
}

}  // namespace rondo::bench
