// A thousand awaits in a row, and a thousand tasks in each other, with a look at the stack.
#include "../../stage/check.hpp"
#include "../../stage/stack.hpp"

#include EXERCISE

#include <cstdlib>
#include <utility>

namespace {

class task {
 public:
  struct promise_type {
    std::coroutine_handle<> waiter;

    struct goes_back {
      bool await_ready() noexcept { return false; }
      auto await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
        return tour::back_to(ended.promise().waiter);
      }
      void await_resume() noexcept {}
    };
    task get_return_object() { return task(handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    goes_back final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };
  using handle = std::coroutine_handle<promise_type>;

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  ~task() {
    if (frame_) frame_.destroy();
  }
  bool await_ready() { return false; }
  auto await_suspend(std::coroutine_handle<> waiter) {
    frame_.promise().waiter = waiter;
    return tour::into(frame_);
  }
  void await_resume() {}

  bool runs_to_its_end() {
    frame_.resume();
    return frame_.done();
  }

 private:
  explicit task(handle frame) : frame_(frame) {}
  handle frame_;
};

task one(tour::stack_gauge& stack, int& begun) {
  ++begun;
  stack.look();
  co_return;
}

task in_a_row(tour::stack_gauge& stack, int& begun, int n) {
  for (int i = 0; i < n; ++i) co_await one(stack, begun);
}

task in_each_other(tour::stack_gauge& stack, int& begun, int n) {
  ++begun;
  stack.look();
  if (n > 1) co_await in_each_other(stack, begun, n - 1);
  stack.look();
}

template <class Program>
void look(Program program, const char* what) {
  tour::stack_gauge stack;
  int begun = 0;
  task t = program(stack, begun, 1000);
  tour::check(t.runs_to_its_end(), "%s: it has not ended", what);
  tour::check(begun == 1000, "%s: %d of 1000 tasks have begun", what, begun);
  tour::check(stack.grown() < 1000, "%s: 1000 tasks have taken %zu bytes of stack", what,
              stack.grown());
}

}  // namespace

int main() {
  look(in_a_row, "in a row");
  look(in_each_other, "in each other");
  std::puts("a thousand in a row and a thousand in each other, on a flat stack");
}
