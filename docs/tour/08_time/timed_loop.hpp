// The loop, with time.
//
//   co_await sleep_for(l, 10);   // milliseconds
#pragma once

#include "../07_the_loop/loop.hpp"
#include "../stage/clock.hpp"
#include "wheel.hpp"

namespace tour {

inline std::int64_t read_now() { return static_cast<std::int64_t>(now() * 1e9); }

class timed_loop : public loop {
 public:
  timer_wheel timers;
  virtual std::int64_t now() const {
    return read_now();
  }  // of the machine's clock, until chapter 13

 private:
  // begin look
  void look_outside() override {
    constexpr std::int64_t ms = 1'000'000, day = 24 * 3600 * 1000 * ms;
    do {
      const std::int64_t left = std::clamp(timers.next() - now(), std::int64_t{0}, day);
      // In whole milliseconds, rounded up: a timer is never early.
      io_.look(ready_.empty() ? static_cast<int>((left + ms - 1) / ms) : 0);
      io_.call_completed();
      timers.fire_due(now());
    } while (ready_.empty());
  }
  // end look
};

// begin sleep
// Awaited, it rests for at least so long.
struct sleep_for : timer {
  sleep_for(timed_loop& l, int ms) : of(l), duration(std::int64_t{ms} * 1'000'000) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    waits = who;
    fired = [](timer& t) {
      auto& self = static_cast<sleep_for&>(t);
      self.of.wake(self.waits);
    };
    of.timers.arm(*this, of.now() + duration);
  }
  void await_resume() const {}

  timed_loop& of;
  std::int64_t duration;
  std::coroutine_handle<> waits;
};
// end sleep

}  // namespace tour
