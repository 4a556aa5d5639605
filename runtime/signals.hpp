// Signals as awaits.
//
//   int which = co_await next_signal({SIGINT, SIGTERM});            // once
//
//   signal_watch reload({SIGHUP});                                  // again and again
//   for (;;) { co_await reload.next(); read_configuration(); }
//
// While anybody watches a signal its disposition is Rondo's; the one before is restored when the
// last watch in the process goes. Between two calls of next_signal nobody watches, and a signal
// that comes then takes its old disposition, which may end the process: a signal_watch loses none
// from the moment it is made, because it remembers what comes while nobody waits in next(). Like
// the kernel it remembers each signal once: of several that come before next() takes them, each
// number is given once, the lowest first.
//
// Every watch, on whatever loop, gets every signal it named. The handler only sets bits and wakes
// the loops; everything else happens on the loop's own thread. Signals interrupt no system call
// that can be restarted.
//
// Signals come from outside, so the simulation cannot repeat them: one that a task raises is
// delivered in the next turn, but a simulated run in which nothing can happen any more does not
// wait for one.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <memory>

namespace rondo {

class loop;
class signal_watch;

namespace detail {

// Signal n is bit n - 1.
using signal_mask = std::uint64_t;

// Throws std::invalid_argument for an empty list and for what cannot be watched.
signal_mask mask_of(std::initializer_list<int> signals);
constexpr int lowest(signal_mask m) noexcept { return __builtin_ctzll(m) + 1; }

// The watches of one loop.
class signal_hub;

class [[nodiscard("without co_await nothing happens")]] signal_wait final : public line_wait {
 public:
  explicit signal_wait(signal_watch& w) noexcept : watch_(&w) {}
  bool begin(job& j) noexcept override;
  void describe(wait_visitor& v) const override { v.waits_for("a signal"); }
  int await_resume() const noexcept { return signal_; }

 private:
  friend class rondo::signal_watch;
  signal_watch* watch_;
  int signal_ = 0;
};

task<int> next_of(signal_mask signals);

}  // namespace detail

// Watches from its construction to its end, on the loop that runs.
class signal_watch : public detail::list_node {
 public:
  // Throws std::invalid_argument for an empty list, a number that is no signal, one that cannot be
  // caught (SIGKILL, SIGSTOP) and one that means that the program is broken (SIGSEGV, SIGBUS,
  // SIGFPE, SIGILL).
  explicit signal_watch(std::initializer_list<int> signals)
      : signal_watch(detail::mask_of(signals)) {}
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;
  // Destroying a watch that somebody waits on ends the program, and so does one that outlives its
  // loop.
  ~signal_watch();

  // Completes with the number of a signal that has come and was not given yet. Several waiters are
  // served in turn, each with a signal of its own. Cancellation: leaves the line; no signal is
  // lost.
  detail::signal_wait next() noexcept { return detail::signal_wait(*this); }

 private:
  friend class detail::signal_hub;
  friend class detail::signal_wait;
  friend task<int> detail::next_of(detail::signal_mask signals);
  explicit signal_watch(detail::signal_mask signals);
  void arrived(detail::signal_mask signals) noexcept;

  detail::signal_mask wanted_;
  detail::signal_mask pending_ = 0;  // empty while somebody waits
  detail::intrusive_list<detail::signal_wait> line_;
  detail::signal_hub* hub_;
};

// Completes with the number of the first of these signals that comes after it was awaited. Throws
// std::invalid_argument at once, as signal_watch does. Cancellation: stops watching.
inline task<int> next_signal(std::initializer_list<int> signals) {
  return detail::next_of(detail::mask_of(signals));
}

namespace detail {

class signal_receiver;
class thread_patience;

// run()'s own interest in SIGINT: on the main thread, while the disposition is the default. The
// first SIGINT cancels the main task; the kernel has then restored the default, so a second one
// ends the process.
class interrupt_watch {
 public:
  interrupt_watch() = default;
  interrupt_watch(const interrupt_watch&) = delete;
  interrupt_watch& operator=(const interrupt_watch&) = delete;
  ~interrupt_watch();

  // Watches, if it is for this thread to do so. On the loop's thread.
  void start(job& main, thread_patience& patience);
  // A SIGINT has cancelled the main task.
  bool fired() const noexcept { return fired_; }

 private:
  static void arrived(void* self, signal_mask) noexcept;
  signal_receiver* receiver_ = nullptr;
  job* main_ = nullptr;
  thread_patience* patience_ = nullptr;
  bool fired_ = false;
};

// run()'s own interest in SIGUSR1: on every thread, while the disposition is the default and nobody
// watches it. Each loop prints its tree of tasks.
class dump_watch {
 public:
  dump_watch() = default;
  dump_watch(const dump_watch&) = delete;
  dump_watch& operator=(const dump_watch&) = delete;
  ~dump_watch();

  // On the loop's thread. Throws std::bad_alloc.
  void start();

 private:
  static void arrived(void* self, signal_mask) noexcept;
  signal_receiver* receiver_ = nullptr;
};

}  // namespace detail
}  // namespace rondo
