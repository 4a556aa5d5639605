// Exercise 6.2: symmetric transfer.
//
// The check has a task whose two passages are here: into a child, and back to whoever waits. Both
// are calls of resume(), and none of them has returned when the next one is made. What
// await_suspend() gives back, the compiler continues with, and no call is left behind: give it the
// handle that is to go on.
#pragma once

#include <coroutine>

namespace tour {

// What the awaiter's await_suspend() ends with: the parent rests, and the child is to begin.
inline void into(std::coroutine_handle<> child) { child.resume(); }

// What await_suspend() of final_suspend() ends with: a task has ended, and `waiter` is to go on. It
// is empty when nobody waits.
inline void back_to(std::coroutine_handle<> waiter) {
  if (waiter) waiter.resume();
}

}  // namespace tour
