// A coroutine program that wrong compilers are known to break: `co_await` as a condition in a body
// without other locals, and temporaries inside an awaited expression, which must be destroyed once.
// The right output is `loop=5 branch=7 choice=70 alive=0`.

#include <coroutine>
#include <cstdio>
#include <exception>
#include <utility>

namespace {

class task {
 public:
  struct promise_type {
    struct resume_parent {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        std::coroutine_handle<> parent = self.promise().parent;
        return parent ? parent : std::noop_coroutine();
      }
      void await_resume() noexcept {}
    };

    task get_return_object() {
      return task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    resume_parent final_suspend() noexcept { return {}; }
    void return_value(int result) { value = result; }
    void unhandled_exception() { std::terminate(); }

    int value = 0;
    std::coroutine_handle<> parent;
  };

  task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~task() {
    if (handle_) handle_.destroy();
  }

  int run() {
    handle_.resume();
    return handle_.promise().value;
  }

  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) {
    handle_.promise().parent = parent;
    return handle_;
  }
  int await_resume() { return handle_.promise().value; }

 private:
  explicit task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

int calls = 0;
int alive = 0;

struct counted {
  counted() { ++alive; }
  counted(const counted&) { ++alive; }
  ~counted() { --alive; }
};

struct aggregate {
  counted member;
  int value;
};

task next() { co_return ++calls; }

task loop() {
  while (true) {
    if (co_await next() == 5) break;
  }
  co_return calls;
}

task branch() {
  if (co_await next() != 1) co_return 7;
  co_return 8;
}

task choice() {
  switch (co_await next()) {
    case 7: co_return 70;
    default: co_return 71;
  }
}

task take(aggregate parameter) { co_return parameter.value; }

template <class Function>
task call(Function function) {
  co_return function();
}

task temporaries() {
  counted local;
  co_return co_await take({counted(), 1}) + co_await call([local] { return 2; });
}

}  // namespace

int main() {
  int loop_result = loop().run();
  int branch_result = branch().run();
  int choice_result = choice().run();
  if (temporaries().run() != 3) return 1;
  std::printf("loop=%d branch=%d choice=%d alive=%d\n", loop_result, branch_result, choice_result,
              alive);
}
