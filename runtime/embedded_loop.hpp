// embedded_loop: Rondo inside somebody else's event loop: a window's, GLib's, libuv's, asio's.
//
//   embedded_loop inside;                        // on the thread that runs the other loop
//   host.watch(inside.fd(), [&] { turn(); });    // when it is readable; and when the time is over
//   inside.spawn(fetch(url));                    // a task, from a callback of the host's
//
//   void turn() {
//     inside.run_ready();
//     host.set_timer(inside.next_timeout());
//   }
//
// Nothing here waits but the destructor. The tasks run in run_ready(), on the host's thread, so
// they may call what the host has. A visit begins no step when a millisecond is over; what is left
// then makes next_timeout() zero. Adapters for GLib, Qt, libuv and asio are in examples/embedded/.
//
// From a callback of the host's, what wakes a task (a promise's value, an item into a queue, a
// spawn) is seen by the next run_ready(): where the host asks for next_timeout() before it sleeps,
// as GLib and libuv can, all is well. Elsewhere call run_ready() after it, or use this_loop().post.
//
// Only the kernel's reactors can be embedded. While it is there it is its thread's loop: run() on
// that thread throws. SIGINT is the host's. A task that runs the host's loop itself, inside its
// step, gets nothing of Rondo's done meanwhile.
#pragma once

#include <rondo/runtime/event.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/signals.hpp>
#include <rondo/runtime/task_group.hpp>

#include <optional>

namespace rondo {

class embedded_loop final : private detail::job_owner {
 public:
  // The options that are of the loop: the reactor, on_unhandled, debug, max_threads and so on, but
  // neither metrics nor a trace, which are run()'s.
  // Throws what run() throws, and std::invalid_argument for the simulation.
  explicit embedded_loop(const run_options& options = {});
  embedded_loop(const embedded_loop&) = delete;
  embedded_loop& operator=(const embedded_loop&) = delete;
  // Cancels what runs, and waits until it has ended, without the host. Call stop() and go on until
  // stopped() to end it inside the host's loop. Not from within a task.
  ~embedded_loop();

  // Readable when run_ready() has something to do. It is the same as long as this lives, is not to
  // be read, and may be watched by level or by edge.
  int fd() const noexcept { return fd_; }
  // How long the host may sleep, as of now, if fd() is not readable: zero when there is something
  // to do at once; nullopt when only fd() will tell.
  std::optional<std::chrono::nanoseconds> next_timeout() noexcept;
  // Takes what has come, fires the timers that are due, and runs tasks until none is ready, or the
  // step has ended in which a millisecond was over. Called from within a task it does nothing.
  void run_ready() noexcept;

  // Runs a task, or a callable with arguments, beside the others; it takes its first step in
  // run_ready(). What it gives is dropped; what it throws goes to on_unhandled and is nobody else's
  // failure. stop() cancels it. Throws group_closed when all has been stopped.
  template <class... X>
    requires detail::taskable<X...>
  join_handle<void> spawn(X&&... x) {
    if (!group_) throw group_closed();
    return group_->spawn(reported(detail::to_task(std::forward<X>(x)...)));
  }
  template <class... X>
    requires(!detail::taskable<X...>)
  detail::refused spawn(X&&...) {
    detail::refuse_task<X...>();
    return {};
  }
  // Tasks spawned here that have not ended.
  std::size_t size() const noexcept { return group_ ? group_->size() : 0; }

  // Cancels everything. The host goes on as before until stopped().
  void stop() noexcept {
    if (group_) group_->cancel();
  }
  bool stopped() const noexcept { return ended_ && loop_.services_.empty(); }

 private:
  void on_end(detail::job&) noexcept override { ended_ = true; }
  task<> keep_going();
  template <class T>
  static task<> reported(task<T> t) {
    try {
      co_await std::move(t);
    } catch (...) {
      detail::report_unhandled(std::current_exception());
    }
  }

  loop loop_;
  detail::thread_patience patience_;
  detail::dump_watch sigusr1_;
  event never_;
  task_group* group_ = nullptr;
  detail::child<void> main_;
  int fd_;
  bool ended_ = false;
  bool visited_ = false;  // run_ready() runs
  bool unfinished_ = true;
};

}  // namespace rondo
