// A loop as other threads see it while it is stuck: which step it is in, since when, and, asked by
// a signal, where in the program's code.
//
// The loop writes down the story of each step's task before the step begins (begin_step). Whoever
// wants to know sends SIGURG to the loop's thread; the handler copies the story and the return
// addresses of its stack, and touches nothing else. SIGURG, because its default is to be ignored:
// one that comes too late harms nobody. It interrupts what sleeps: sleep, poll and others return
// early with EINTR, whatever SA_RESTART says (man 7 signal).
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/inside/task_story.hpp>
#include <rondo/runtime/remote.hpp>

#include <semaphore.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::detail {

// What a handler brought.
struct stack_capture {
  static constexpr std::size_t most_frames = 64;
  std::array<void*, most_frames> addresses;
  std::size_t count = 0;
  task_story story;
  std::uint64_t step = 0;
  bool in_step = false;  // false: the loop had come out of it
};

// What the handler does; `interrupted_at`: where the thread was.
void take_stack(void* interrupted_at) noexcept;

class watched_loop {
 public:
  // On the loop's thread. Throws std::bad_alloc.
  watched_loop(std::uint64_t id, const char* reactor, std::shared_ptr<mailbox> box);
  watched_loop(const watched_loop&) = delete;
  watched_loop& operator=(const watched_loop&) = delete;
  ~watched_loop();

  // --- on the loop's thread ---

  task_story& story() noexcept { return story_; }  // to be told before begin_step
  void begin_step(time_point now) noexcept {
    step_.fetch_add(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_release);
    begun_.store(now.time_since_epoch().count(), std::memory_order_release);
  }
  void end_step() noexcept { begun_.store(0, std::memory_order_release); }
  // From here nobody signals the thread.
  void end() noexcept;

  // --- from any thread ---

  std::uint64_t id() const noexcept { return id_; }
  const char* reactor() const noexcept { return reactor_; }
  pid_t thread() const noexcept { return thread_; }
  const std::shared_ptr<mailbox>& box() const noexcept { return box_; }
  // The step that is running, and for how long; 0 and zero when none is.
  std::uint64_t running_step(nanoseconds& since) const noexcept;
  // Asks the thread where it is; waits for 100 ms at most. False: no answer, or the loop has ended.
  bool capture(stack_capture& to);

 private:
  friend void take_stack(void* interrupted_at) noexcept;
  enum : int { idle, asked, filling, filled };

  const std::uint64_t id_;
  const char* const reactor_;
  const pid_t thread_;
  const std::shared_ptr<mailbox> box_;

  std::atomic<std::uint64_t> step_{0};
  std::atomic<std::int64_t> begun_{0};  // ns of the steady clock; 0: no step runs
  task_story story_;

  std::mutex asking_;  // also guards ended_
  bool ended_ = false;
  std::atomic<int> request_{idle};
  stack_capture captured_;
  sem_t answered_;
};

// Every loop of the process that is watched. Throws std::bad_alloc.
void add_watched_loop(std::shared_ptr<watched_loop> l);
void remove_watched_loop(const watched_loop& l) noexcept;
std::vector<std::shared_ptr<watched_loop>> watched_loops();

// The lines of a stack, innermost first, each "  f(int) at a.cpp:12\n"; down to the loop. `key`:
// what is the same for two captures of the same place.
std::string stack_text(const stack_capture& c, std::string* key = nullptr);

}  // namespace rondo::detail
