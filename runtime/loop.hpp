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
#include <rondo/runtime/core/job.hpp>
#include <rondo/runtime/core/thread_pool.hpp>
#include <rondo/runtime/core/timers.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/remote.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rondo {

namespace detail {

// Where exceptions go that nobody is there to take.
class unhandled_sink {
 public:
  virtual ~unhandled_sink() = default;
  virtual void take(std::exception_ptr e) = 0;
};

// Gives it to `to`; prints it when there is none. From any thread.
void report_unhandled(const std::shared_ptr<unhandled_sink>& to, std::exception_ptr e) noexcept;

// Hears of every step of a loop: for tests and tools. None is there in ordinary use.
class loop_observer {
 public:
  // `j` is about to take its step.
  virtual void before_step(job& /*j*/) noexcept {}
  // `j` has come to rest after its step: it waits, or is ready for another. Not called when it has
  // ended.
  virtual void after_step(job& /*j*/) noexcept {}
  // Everything has ended; the reactor is still there.
  virtual void at_end(loop& /*l*/) noexcept {}

 protected:
  ~loop_observer() = default;
};

class service_record;
class job_names;
class idle_wait;

// Told of each job that no other job owns.
class root_visitor {
 public:
  virtual void root(const job& j, const char* role) = 0;

 protected:
  ~root_visitor() = default;
};

}  // namespace detail

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

class loop {
 public:
  loop(std::unique_ptr<detail::reactor> (*make)(const detail::reactor_choice&,
                                                detail::operation_queue&),
       const detail::reactor_choice& choice, std::shared_ptr<detail::unhandled_sink> unhandled);
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  ~loop();

  // The clock as it was read last: at most once a turn. In the simulation, virtual time.
  std::chrono::steady_clock::time_point now() const noexcept {
    if (!clock_read_) read_clock();
    return now_;
  }
  // Runs fn() on the loop's thread in a coming turn, in order. From any thread. What it throws goes
  // to on_unhandled. Throws std::bad_alloc. The loop must be there: a thread that may outlive it
  // uses remote().
  template <class Fn>
  void post(Fn fn) {
    detail::post_call(*mailbox_, std::move(fn));
  }
  // The same for other threads that may outlive the loop. From any thread while the loop is there.
  loop_remote remote() const noexcept { return loop_remote(mailbox_); }
  // remote().submit(…): see <rondo/runtime/submit.hpp>.
  template <class... X>
    requires detail::taskable<X...>
  auto submit(X&&... x);
  // Runs fn() on the loop when `d` has passed since this turn, never earlier. The handle cancels
  // it, and may be dropped. What fn throws goes to on_unhandled; what is still to come when run
  // ends is destroyed unrun. On the loop's thread. Throws std::bad_alloc.
  template <class Rep, class Period, class Fn>
  timer_handle call_later(std::chrono::duration<Rep, Period> d, Fn fn);
  // "epoll", "io_uring" or "simulated".
  std::string_view reactor_name() const noexcept { return reactor_->name(); }
  loop_stats stats() const noexcept;

  // --- for the library's awaitables ---

  void deliver_cancellation(detail::job& j) noexcept { cancellations_.deliver(j); }
  detail::timer_wheel& timers() noexcept { return timers_; }
  detail::reactor& io() noexcept { return *reactor_; }
  // For what must outlive the loop.
  const std::shared_ptr<detail::mailbox>& mailbox() const noexcept { return mailbox_; }
  detail::thread_slots& threads() noexcept { return threads_; }
  // Hands an exception that nobody awaits to run_options' on_unhandled, else prints it.
  void unhandled(std::exception_ptr e) noexcept;
  // Runs a task that serves several others; it is cancelled and awaited before run() returns.
  void run_service(task<> t);
  void when_idle(detail::idle_wait& w) noexcept;
  bool simulated() const noexcept { return simulated_; }
  // At most one; nullptr: none.
  void observe(detail::loop_observer* o) noexcept { observer_ = o; }
  // Unique in the process, so that what outlives its loop can tell.
  std::uint64_t id() const noexcept { return id_; }

  // --- for inspect.hpp ---

  void set_name(detail::job& j, std::string name);
  // nullptr: it has none.
  const std::string* name_of(const detail::job& j) const noexcept;
  // The main task, then the loop's services.
  void for_each_root(detail::root_visitor& v) const;

  // --- for run() ---

  // Debugging: reports steps longer than `limit`, and tasks that nobody awaited.
  void watch_steps(detail::nanoseconds limit) noexcept;

  void run_until(const bool& ended, detail::job& main);
  // The end has been asked for: calls in threads that hold it up for longer than `limit` are
  // reported.
  void set_thread_patience(detail::nanoseconds limit) noexcept { patience_ = limit; }
  void expect_end() noexcept;
  // True when the simulation found that nothing could ever happen while tasks still waited.
  bool deadlocked() const noexcept { return deadlocked_; }
  const std::string& stuck_tasks() const noexcept { return stuck_tasks_; }

 private:
  friend class detail::service_record;
  struct patience_timer : detail::timer {
    explicit patience_timer(loop& l) noexcept : timer(&ran_out), of(l) {}
    static void ran_out(timer& t) noexcept;
    loop& of;
  };

  void turn(const bool& ended) noexcept;
  // True: it has not ended.
  bool step(detail::job& j) noexcept;
  void watched_step(detail::job& j) noexcept;
  timer_handle arm_call(std::unique_ptr<detail::pending_call> call, detail::nanoseconds after);
  void drop_calls() noexcept;
  void wake_if_idle() noexcept;
  void take_completions() noexcept;
  void read_clock() const noexcept;

  detail::job_queue ready_;
  detail::operation_queue completed_;
  detail::timer_wheel timers_;
  detail::cancellations cancellations_;
  mutable detail::time_point now_{};
  mutable bool clock_read_ = false;  // in this turn: now_ is what now() may answer
  std::unique_ptr<detail::reactor> reactor_;
  std::shared_ptr<detail::mailbox> mailbox_;
  detail::thread_slots threads_;
  bool simulated_;
  std::uint64_t id_;
  bool stuck_ = false;
  bool deadlocked_ = false;
  std::string stuck_tasks_;
  std::uint64_t turns_ = 0;
  std::uint64_t steps_ = 0;
  detail::loop_observer* observer_ = nullptr;
  detail::nanoseconds slow_step_ = detail::nanoseconds::max();
  detail::nanoseconds patience_ = detail::nanoseconds::max();
  patience_timer patience_ends_{*this};
  const detail::job* main_ = nullptr;
  std::unique_ptr<detail::job_names> names_;
  std::string last_name_;  // of the job that ended last, of those that had one
  detail::intrusive_list<detail::service_record> services_;
  detail::intrusive_list<detail::pending_call> calls_;
  detail::intrusive_list<detail::idle_wait> idle_;
  std::shared_ptr<detail::unhandled_sink> unhandled_;
};

// The loop that runs the calling task. Ends the program when there is none.
inline loop& this_loop() noexcept {
  loop* l = detail::this_thread.running_loop;
  if (!l) [[unlikely]]
    detail::fatal("this_loop() on a thread where no loop runs");
  return *l;
}

namespace detail {

template <class Fn>
class typed_pending_call final : public pending_call {
 public:
  explicit typed_pending_call(Fn&& fn) : fn_(std::move(fn)) {}

 private:
  void run() override { (*fn_)(); }
  void forget() noexcept override { fn_.reset(); }
  std::optional<Fn> fn_;
};

}  // namespace detail

template <class Rep, class Period, class Fn>
timer_handle loop::call_later(std::chrono::duration<Rep, Period> d, Fn fn) {
  return arm_call(std::make_unique<detail::typed_pending_call<Fn>>(std::move(fn)),
                  detail::saturate(d));
}

}  // namespace rondo
