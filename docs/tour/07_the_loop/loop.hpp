// The loop: tasks that are ready have their turn, and when none is, it sleeps.
//
//   loop l;
//   l.spawn(echo(l, fd));
//   l.run();
#pragma once

#include "../06_task/io.hpp"
#include "../06_task/task.hpp"

#include <vector>

namespace tour {

class loop {
 public:
  loop() = default;
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  virtual ~loop() = default;

  // Runs `t` beside the others. It belongs to the loop, and must not throw.
  void spawn(task<> t) {
    ++living_;
    wake(owned(*this, std::move(t)).frame);
  }

  // begin turn
  // Whoever rests in `h` goes on, in its turn.
  void wake(std::coroutine_handle<> h) { ready_.push_back(h); }
  void start(operation& op) { io_.start(op); }
  bool withdraw(const operation& op) { return io_.withdraw(op); }  // chapter 9

  // Until all that was spawned has ended.
  void run() {
    while (living_ > 0) turn();
  }

  void turn() {
    ++turns_;
    running_.swap(ready_);
    for (const std::coroutine_handle<> h : running_) {
      ++steps_;
      h.resume();  // one step: to its next wait
    }
    running_.clear();
    io_.call_completed();
    if (living_ > 0) look_outside();
  }

  // Until somebody is ready: an event that wakes nobody is no reason for a turn.
  virtual void look_outside() {
    do {
      io_.look(ready_.empty() ? -1 : 0);
      io_.call_completed();
    } while (ready_.empty());
  }
  // end turn

  long turns() const { return turns_; }
  long steps() const { return steps_; }

 protected:
  operation_loop io_;
  std::vector<std::coroutine_handle<>> ready_;

 private:
  // A coroutine that awaits a task and is owned by nobody: it goes by itself when it has ended.
  struct owner {
    struct promise_type {
      owner get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<> frame;
  };
  static owner owned(loop& l, task<> t) {
    co_await std::move(t);
    --l.living_;
  }

  std::vector<std::coroutine_handle<>> running_;  // in this turn
  int living_ = 0;
  long turns_ = 0;
  long steps_ = 0;
};

// begin wait
// Awaited, it begins the operation; when that is completed, the task is woken.
struct io_wait : operation {
  io_wait(loop& l, const operation& op, const char* n) : operation(op), of(l), call(n) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    waits = who;
    completed = [](operation& op) {
      auto& self = static_cast<io_wait&>(op);
      self.of.wake(self.waits);
    };
    of.start(*this);
  }
  ssize_t await_resume() const {
    if (result < 0) throw io_error{call, static_cast<int>(-result)};
    return result;
  }

  loop& of;
  const char* call;
  std::coroutine_handle<> waits;
};
// end wait

inline io_wait send(loop& l, int fd, const char* data, std::size_t size) {
  return {l, {.what = kind::send, .fd = fd, .data = data, .size = size}, "send"};
}
inline io_wait recv(loop& l, int fd, char* buffer, std::size_t size) {
  return {l, {.what = kind::recv, .fd = fd, .buffer = buffer, .size = size}, "recv"};
}

}  // namespace tour
