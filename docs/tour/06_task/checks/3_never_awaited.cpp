// Tasks that are dropped, moved, assigned over and awaited. Compiled with the address sanitizer: a
// frame that is destroyed twice, or by nobody, is found too.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

#include <cstdlib>

namespace {

struct promise;
using handle = std::coroutine_handle<promise>;

struct made {
  using promise_type = promise;
  handle frame;
};

struct promise {
  static inline int frames = 0;

  made get_return_object() { return {handle::from_promise(*this)}; }
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void() {}
  void unhandled_exception() { std::abort(); }
  promise() { ++frames; }
  ~promise() { --frames; }
};

made nothing() { co_return; }

tour::unstarted task() { return tour::unstarted(nothing().frame); }

void await(tour::unstarted t) {
  const std::coroutine_handle<> frame = t.hand_over();
  frame.resume();
  frame.destroy();
}

void counts(int expected, const char* when) {
  tour::check(tour::never_awaited == expected, "%s: %d were never awaited, and it counts %d", when,
              expected, tour::never_awaited);
}

}  // namespace

int main() {
  {
    tour::unstarted empty;
  }
  counts(0, "an empty one is dropped");
  {
    const tour::unstarted t = task();
  }
  counts(1, "one is dropped");
  await(task());
  counts(1, "one is awaited");
  {
    tour::unstarted t = task();
    tour::unstarted u = std::move(t);
    await(std::move(u));
  }
  counts(1, "one is moved, and awaited then");
  {
    tour::unstarted t = task();
    t = task();
    counts(2, "one is assigned over, and the other is still there");
    await(std::move(t));
  }
  counts(2, "the other one is awaited");
  {
    tour::unstarted t = task();
    const tour::unstarted u = std::move(t);
  }
  counts(3, "one is moved, and dropped then");
  tour::check(promise::frames == 0, "%d frames are left", promise::frames);
  std::puts("three tasks were never awaited, and each was counted once");
}
