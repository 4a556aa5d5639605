// Wrong: exits with 1 and says "the stack has grown with each await".
//
// A task that is begun by resume(), and goes back by resume(): each of them is a call that has not
// returned when the next one is made. With a million awaits the stack is used up.
#include "../stage/stack.hpp"

#include <coroutine>
#include <cstdio>
#include <cstdlib>

// begin wrong
struct task {
  struct promise_type {
    std::coroutine_handle<> waiter;

    struct goes_back {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
        if (ended.promise().waiter) ended.promise().waiter.resume();
      }
      void await_resume() noexcept {}
    };
    task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    goes_back final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };

  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    frame.promise().waiter = waiter;
    frame.resume();
  }
  void await_resume() { frame.destroy(); }

  std::coroutine_handle<promise_type> frame;
};
// end wrong

tour::stack_gauge stack;

task one() {
  stack.look();
  co_return;
}

task in_a_row(int n) {
  for (int i = 0; i < n; ++i) co_await one();
}

int main() {
  const task t = in_a_row(1000);
  t.frame.resume();
  t.frame.destroy();
  if (stack.grown() > 1000 * 16) std::puts("the stack has grown with each await");
  return stack.grown() > 1000 * 16 ? 1 : 0;
}
