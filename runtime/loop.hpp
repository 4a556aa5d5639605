// The loop: runs ready jobs, fires timers, and sleeps in the reactor when there is nothing to do.
//
// One turn (loop.cpp, turn()):
//
//   run at most 61 ready jobs → take what other threads posted → read the clock, fire what is due
//   → reactor.wait(until the next timer, or not at all when jobs are ready) → wake what completed
//
// One loop a thread; everything but post(), submit() and remote() belongs to that thread.
#pragma once

#include <rondo/runtime/call_later.hpp>
#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/remote.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rondo {

namespace detail {
class main_run;
class thread_patience;
}  // namespace detail
class embedded_loop;

// What a loop has counted since it began.
struct loop_stats {
  std::uint64_t turns = 0;         // of the loop; an idle loop makes none
  std::uint64_t steps = 0;         // of jobs
  std::uint64_t system_calls = 0;  // made by the reactor
  std::uint64_t submissions = 0;   // operations started
  std::uint64_t completions = 0;   // operations that came back
  std::uint64_t overflows = 0;     // times that more had completed than fits io_uring's ring
  std::uint64_t rearms = 0;  // of io_uring's multishot operations, when the kernel had ended them
  std::uint64_t wakes = 0;   // times that another thread, or a signal, had to wake the loop
};

class loop : private detail::loop_core {
 public:
  // The clock as it was read last: at most once a turn. In the simulation, virtual time.
  std::chrono::steady_clock::time_point now() const noexcept { return loop_core::now(); }
  // Runs fn() on the loop's thread in a coming turn, in order. From any thread. What it throws goes
  // to on_unhandled. Throws std::bad_alloc. The loop must be there: a thread that may outlive it
  // uses remote().
  template <class Fn>
  void post(Fn fn) {
    detail::post_call(*mailbox(), std::move(fn));
  }
  // The same for other threads that may outlive the loop. From any thread while the loop is there.
  loop_remote remote() const noexcept { return loop_remote(mailbox()); }
  // remote().submit(…): see <rondo/runtime/submit.hpp>.
  template <class... X>
    requires detail::taskable<X...>
  auto submit(X&&... x);
  // Runs fn() on the loop when `d` has passed since this turn, never earlier. The handle cancels
  // it, and may be dropped. What fn throws goes to on_unhandled; what is still to come when run
  // ends is destroyed unrun. On the loop's thread. Throws std::bad_alloc.
  template <class Rep, class Period, class Fn>
  timer_handle call_later(std::chrono::duration<Rep, Period> d, Fn fn) {
    return detail::arm_call(std::make_unique<detail::typed_pending_call<Fn>>(std::move(fn)),
                            detail::saturate(d));
  }
  // "epoll", "io_uring" or "simulated".
  std::string_view reactor_name() const noexcept { return reactor_->name(); }
  loop_stats stats() const noexcept;

 private:
  friend class detail::main_run;
  friend class embedded_loop;
  friend loop& this_loop() noexcept;

  using loop_core::loop_core;
  ~loop();
  void run_until(const bool& ended, detail::job& main, detail::thread_patience& patience);
  // Embedded: without sleeping, and no further job after the first that ends at `over` or later.
  template <bool embedded>
  void turn(const bool& ended, detail::time_point over = detail::never) noexcept;
  void embedded_turn(const bool& ended, detail::time_point over) noexcept;
  // Nothing is to be done before a foreign poll or the next timer says so.
  bool rests() noexcept;
  // True: it has not ended. `budget`: how many awaits may go on; watched ones count elsewhere.
  bool step(detail::job& j, std::uint32_t budget) noexcept;
  void watched_step(detail::job& j) noexcept;
  void step_begins(detail::job& j) noexcept;
  void last_step_was(detail::job& j) noexcept;
  void take_completions() noexcept;
  void wake_if_idle() noexcept;

  bool stuck_ = false;       // the simulation found that nothing can ever happen again
  bool deadlocked_ = false;  // … while tasks still waited:
  std::string stuck_tasks_;
  std::uint64_t turns_ = 0;
  std::uint64_t steps_ = 0;
  std::string last_name_;  // of the job whose last step this was, if it had one
};

// The loop that runs the calling task. Ends the program when there is none.
inline loop& this_loop() noexcept { return static_cast<loop&>(detail::this_core()); }

}  // namespace rondo
