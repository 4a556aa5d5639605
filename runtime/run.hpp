// run: makes a loop, drives a task to its end, leaves nothing behind.
//
//   int n = rondo::run(count(path));
//   int main() { return rondo::run_main(serve(8080)); }   // the exit code; says what went wrong
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/child.hpp>
#include <rondo/runtime/core/thread_patience.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace rondo {

class embedded_loop;
class metrics;
class run_options;

namespace detail {
class main_run;
class team_main;
void run_team(std::size_t n, const team_main& main, const run_options& options);
// Logs what ended the program, and gives its exit code.
int failed_main(const std::exception_ptr& error) noexcept;
}  // namespace detail

// How run() shall run. Every setter returns the object itself.
class run_options {
 public:
  // Which reactor: automatic takes what RONDO_REACTOR names, else io_uring, else epoll.
  run_options& reactor(reactor_kind k) & noexcept {
    choice_.kind = k;
    return *this;
  }
  run_options&& reactor(reactor_kind k) && noexcept { return std::move(reactor(k)); }
  // The simulated network and its faults; chooses the simulation. Copied.
  run_options& simulation(const simulation_options& s) &;
  run_options&& simulation(const simulation_options& s) && { return std::move(simulation(s)); }
  // The simulation's seed.
  run_options& seed(std::uint64_t n) &;
  run_options&& seed(std::uint64_t n) && { return std::move(seed(n)); }
  // Where exceptions go that nobody awaits: fn(std::exception_ptr). Without one they are printed.
  template <class Fn>
  run_options& on_unhandled(Fn fn) & {
    struct sink final : detail::unhandled_sink {
      explicit sink(Fn f) : fn(std::move(f)) {}
      void take(std::exception_ptr e) override { fn(std::move(e)); }
      Fn fn;
    };
    unhandled_ = std::make_shared<sink>(std::move(fn));
    return *this;
  }
  template <class Fn>
  run_options&& on_unhandled(Fn fn) && {
    return std::move(on_unhandled(std::move(fn)));
  }
  // Logs (log.hpp): a task destroyed without ever being awaited, with the coroutine it is of;
  // and a step longer than slow_step, with the name of the task and the lines between which it ran.
  // False, unless the environment has RONDO_DEBUG=1; a step then costs no look at the clock.
  // RONDO_SLOW_STEP=50ms, or so, turns it on with that limit.
  run_options& debug(bool yes) & noexcept {
    debug_ = yes;
    return *this;
  }
  run_options&& debug(bool yes) && noexcept { return std::move(debug(yes)); }
  // What counts as a long step: the loop serves nobody else meanwhile. 100 ms. Measured in real
  // time.
  template <class Rep, class Period>
  run_options& slow_step(std::chrono::duration<Rep, Period> d) & noexcept {
    slow_step_ = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  run_options&& slow_step(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(slow_step(d));
  }
  // While a step has run for longer than this, the watchdog says on stderr, once a place, where it
  // is: the stack of the loop's thread with file and line (where the program has debug information
  // and the machine libdw), and the awaits of its task. No limit, unless the environment has
  // RONDO_STALL=200ms, or so. With a limit, a step costs two looks at the clock and a copy of its
  // awaits; and SIGURG, by which the thread is asked, lets what sleeps in it (sleep, poll) return
  // early with EINTR. Measured in real time. Throws std::invalid_argument unless it is positive.
  template <class Rep, class Period>
  run_options& stall_limit(std::chrono::duration<Rep, Period> d) & {
    set_stall_limit(detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  run_options&& stall_limit(std::chrono::duration<Rep, Period> d) && {
    return std::move(stall_limit(d));
  }
  // How many calls to to_thread may be in threads at a time; 40. Throws std::invalid_argument for
  // 0.
  run_options& max_threads(detail::amount n) &;
  run_options&& max_threads(detail::amount n) && { return std::move(max_threads(n)); }
  // What to_thread has begun is waited for, because what the thread touches may belong to the
  // tasks. When that has held up the end of the run for this long, it is logged, once,
  // with the tree of tasks: after the main task has ended, or SIGINT has cancelled it. 5 s.
  template <class Rep, class Period>
  run_options& thread_patience(std::chrono::duration<Rep, Period> d) & noexcept {
    thread_patience_ = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  run_options&& thread_patience(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(thread_patience(d));
  }
  // Whether a run on the main thread takes SIGINT while its disposition is the default: the first
  // cancels the main task, and run() throws `interrupted` unless the task ends with a value or an
  // error all the same; a second one ends the process. True.
  run_options& handle_sigint(bool yes) & noexcept {
    handle_sigint_ = yes;
    return *this;
  }
  run_options&& handle_sigint(bool yes) && noexcept { return std::move(handle_sigint(yes)); }
  // Whether SIGUSR1 logs the tree of tasks (inspect.hpp), that of every loop in the process, while
  // its disposition is the default and no signal_watch names it: `kill -USR1 <pid>` shows, on
  // stderr where no other sink is set, what a program waits for. A loop prints between two steps,
  // so one that is stuck in a step says nothing. True.
  run_options& dump_on_sigusr1(bool yes) & noexcept {
    dump_on_sigusr1_ = yes;
    return *this;
  }
  run_options&& dump_on_sigusr1(bool yes) && noexcept { return std::move(dump_on_sigusr1(yes)); }
  // What the loop does, counted in a registry (metrics.hpp): turns, the length of steps, how long a
  // task waits for its turn, time idle, timers, under names that begin with rondo_eventloop_. A
  // step then costs a look at the clock. Null: no. The registry is kept.
  run_options& metrics(std::shared_ptr<rondo::metrics> m) & noexcept {
    metrics_ = std::move(m);
    return *this;
  }
  run_options&& metrics(std::shared_ptr<rondo::metrics> m) && noexcept {
    return std::move(metrics(std::move(m)));
  }
  // Writes what the tasks did to a file that Perfetto and chrome://tracing read: a track for each
  // task, with its steps and its awaits; in the simulation in virtual time. Empty: no, unless the
  // environment has RONDO_TRACE=file.json. Several runs of a process may name the same file. What
  // cannot be written is logged, and the program goes on.
  run_options& trace_file(std::string path) & noexcept {
    trace_file_ = std::move(path);
    return *this;
  }
  run_options&& trace_file(std::string path) && noexcept {
    return std::move(trace_file(std::move(path)));
  }

 private:
  friend class detail::main_run;
  friend class embedded_loop;
  friend void detail::run_team(std::size_t, const detail::team_main&, const run_options&);
  simulation_options& own_simulation();
  void set_stall_limit(detail::nanoseconds d);

  detail::reactor_choice choice_;
  std::shared_ptr<simulation_options> simulation_;
  std::shared_ptr<detail::unhandled_sink> unhandled_;
  std::size_t max_threads_ = detail::max_threads;
  detail::nanoseconds thread_patience_ = std::chrono::seconds(5);
  bool handle_sigint_ = true;
  bool dump_on_sigusr1_ = true;
  bool debug_ = false;
  detail::nanoseconds slow_step_ = std::chrono::milliseconds(100);
  detail::nanoseconds stall_limit_ = detail::nanoseconds::max();
  std::shared_ptr<rondo::metrics> metrics_;
  std::string trace_file_;
};

namespace detail {

// One run: the loop, and the main task's job in it.
class main_run final : public job_owner {
 public:
  explicit main_run(const run_options& options);
  // What the options and the environment say of a loop itself.
  static void prepare(loop_core& l, const run_options& options);
  // Drives the task to its end and ends the loop's services. Throws std::logic_error when the
  // simulation finds that nothing can ever happen, interrupted when SIGINT stopped the main task.
  void drive(child_frame& main);

 private:
  void on_end(job&) noexcept override { ended_ = true; }
  void add_observers(const run_options& options);
  std::shared_ptr<loop_observer> meter_;  // the observers outlive the loop
  std::shared_ptr<loop_observer> tracer_;
  loop loop_;
  thread_patience patience_;
  bool handle_sigint_;
  bool dump_on_sigusr1_;
  bool ended_ = false;
};

}  // namespace detail

// Runs a task (or another awaitable, or a callable that gives one) to its end on a new loop of the
// calling thread and returns its value or throws what it threw. Whatever still runs then is
// cancelled and awaited. Throws cancelled_error when the main task was cancelled, interrupted when
// SIGINT did it, std::logic_error inside a running loop, std::system_error when the reactor cannot
// be had.
template <class X>
  requires detail::taskable<X>
detail::task_value_t<X> run(X&& x, const run_options& options = {}) {
  using T = detail::task_value_t<X>;
  task<T> t = detail::to_task(std::forward<X>(x));
  outcome<T> result = [&] {
    detail::main_run runner(options);
    detail::child<T> main(std::move(t));
    runner.drive(main);
    return main.take_outcome();  // frame and arguments go while the loop is still there
  }();
  return std::move(result).value();
}

// The same with the options first, which leaves room for a callable's arguments; they are kept
// until its task has ended.
template <class... X>
  requires detail::taskable<X...>
detail::task_value_t<X...> run(const run_options& options, X&&... x) {
  return run(detail::to_task(std::forward<X>(x)...), options);
}
template <class Fn, class Arg, class... Args>
  requires detail::async_callable<Fn, Arg, Args...>
detail::called_t<Fn, Arg, Args...> run(Fn&& fn, Arg&& arg, Args&&... args) {
  return run(
      detail::to_task(std::forward<Fn>(fn), std::forward<Arg>(arg), std::forward<Args>(args)...));
}
template <class X>
  requires(!detail::taskable<X> && !std::is_same_v<std::remove_cvref_t<X>, run_options>)
detail::refused::anything run(X&&, const run_options& = {}) {
  detail::refuse_task<X>();
  return {};
}

// run() for main(): the program's exit code. What run() takes, and gives: 0, or the number that the
// task gave; 1 when it threw, and 130 when SIGINT ended it, as shells count it, after one sentence
// about it in the log, which is stderr unless a sink is set.
//
//   int main(int argc, char** argv) { return rondo::run_main(serve(argc, argv)); }
template <class... X>
  requires requires(X&&... x) { run(std::forward<X>(x)...); }
int run_main(X&&... x) noexcept {
  using result = decltype(run(std::forward<X>(x)...));
  static_assert(std::is_void_v<result> || std::is_convertible_v<result, int>,
                "run_main wants a task<>, or a task<int> that gives the exit code");
  try {
    if constexpr (std::is_void_v<result>) {
      run(std::forward<X>(x)...);
      return 0;
    } else {
      return run(std::forward<X>(x)...);
    }
  } catch (...) {
    return detail::failed_main(std::current_exception());
  }
}

}  // namespace rondo
