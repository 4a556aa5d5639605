// Wrong: exits with 1 and says "told to stop 3 times, and it waits for the 4th time".
//
// To stop somebody by an exception at the place where they wait. In between stands a handler that
// was written for errors: it tries again, as it was told to.
#include "../06_task/task.hpp"

#include <cstdio>

// begin wrong
struct stopped {};

struct wait {
  std::coroutine_handle<> who;
  bool stop = false;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h) { who = h; }
  void await_resume() {
    if (std::exchange(stop, false)) throw stopped();
  }
};

tour::task<> ask_until_answered(wait& answer, int& waits) {
  for (;;) try {
      ++waits;
      co_await answer;
      co_return;
    } catch (...) {
      // A bad connection. Try again.
    }
}
// end wrong

int main() {
  wait answer;
  int waits = 0, told = 0;
  const tour::task<> t = ask_until_answered(answer, waits);
  t.start();
  for (; told < 3; ++told) {
    answer.stop = true;
    answer.who.resume();
  }
  std::printf("told to stop %d times, and it waits for the %dth time\n", told, waits);
  return 1;
}
