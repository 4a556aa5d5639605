// The loop as the library sees it: what awaitables, services and the tree of tasks reach of it, by
// this_core(). Users see rondo::loop (loop.hpp), which is this and the turn.
#pragma once

#include <rondo/runtime/core/job.hpp>
#include <rondo/runtime/core/services.hpp>
#include <rondo/runtime/core/shown.hpp>
#include <rondo/runtime/core/thread_pool.hpp>
#include <rondo/runtime/core/timers.hpp>
#include <rondo/runtime/core/unhandled.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/remote.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::detail {

class job_names;
class pending_call;
class step_watch;

// Names a job when somebody asks: for those of which there are many, and seldom anybody does.
class task_namer {
 public:
  virtual std::string task_name() const = 0;

 protected:
  ~task_namer() = default;
};

// Hears of every step and turn of a loop: for tests and tools. None is there in ordinary use.
class loop_observer {
 public:
  // The loop is about to look outside, and perhaps to sleep.
  virtual void before_wait(loop_core& /*l*/) noexcept {}
  // It has looked; what was woken is ready.
  virtual void after_wait(loop_core& /*l*/) noexcept {}
  // `j` is about to take its step.
  virtual void before_step(job& /*j*/) noexcept {}
  // `j` has come to rest after its step: it waits, or is ready for another.
  virtual void after_step(job& /*j*/) noexcept {}
  // This step was its last: its frames may be gone.
  virtual void after_last_step(job& /*j*/) noexcept {}
  // Everything has ended; the reactor is still there.
  virtual void at_end(loop& /*l*/) noexcept {}
  // Asks for a job's name when it has ended.
  virtual bool wants_names() const noexcept { return false; }

 protected:
  ~loop_observer() = default;

 private:
  friend class loop_observers;
  loop_observer* next_ = nullptr;
};

// Those of one loop, told in the order in which they came.
class loop_observers {
 public:
  bool any() const noexcept { return first_ != nullptr; }
  void add(loop_observer& o) noexcept;
  template <class T>
  void tell(void (loop_observer::*what)(T&) noexcept, T& about) const noexcept {
    for (loop_observer* o = first_; o; o = o->next_) (o->*what)(about);
  }

 private:
  loop_observer* first_ = nullptr;
};

class loop_core {
 public:
  loop_core(const loop_core&) = delete;
  loop_core& operator=(const loop_core&) = delete;

  time_point now() const noexcept {
    if (!clock_read_) read_clock();
    return now_;
  }
  timer_wheel& timers() noexcept { return timers_; }
  reactor& io() noexcept { return *reactor_; }
  // For what must outlive the loop.
  const std::shared_ptr<detail::mailbox>& mailbox() const noexcept { return mailbox_; }
  thread_slots& threads() noexcept { return threads_; }
  // Runs a task that serves several others; it is cancelled and awaited before run() returns.
  void run_service(task<> t) { services_.run(std::move(t)); }
  // Calls that are to come (call_later.hpp).
  intrusive_list<pending_call>& calls() noexcept { return calls_; }
  // Woken when nobody else can go on before time passes (idle.hpp).
  intrusive_list<line_wait>& waits_for_idle() noexcept { return waits_for_idle_; }

  bool simulated() const noexcept { return simulated_; }
  // Unique in the process, so that what outlives its loop can tell.
  std::uint64_t id() const noexcept { return id_; }
  const std::shared_ptr<unhandled_sink>& on_unhandled() const noexcept { return on_unhandled_; }

  // For the tree of tasks: nullptr before there is one.
  const job* main_job() const noexcept { return main_; }
  const services& running_services() const noexcept { return services_; }
  void set_name(job& j, std::string name);
  // What set_name() gave; nullptr: nothing.
  const std::string* name_of(const job& j) const noexcept;
  // The same, or what its owner's namer says of it; nothing: it has none.
  std::optional<std::string> shown_name(const job& j) const;

  // Until the loop's end: `o` must be there so long.
  void observe(loop_observer& o) noexcept {
    observers_.add(o);
    wants_names_ |= o.wants_names();
  }
  // Jobs whose turn has come, the last of them: nullptr when there is none.
  const job* last_ready() const noexcept { return ready_.back(); }
  // What watches every step: slow ones, stalls, what the inspect socket tells (inside/). nullptr:
  // nobody, in ordinary use.
  step_watch* watch() noexcept { return watch_.get(); }
  void set_watch(std::shared_ptr<step_watch> w) noexcept { watch_ = std::move(w); }
  // Whether somebody wants names that outlive what they are names of.
  bool wants_names() const noexcept { return watch_ != nullptr || wants_names_; }
  // From here until it or the loop goes, it is told to who looks inside; where nobody may look,
  // nothing happens.
  void show(shown& s) noexcept {
    if (shows_ && !s.linked()) shows_->push_back(s);
  }
  // Where show() puts them. nullptr: nowhere.
  void show_in(intrusive_list<shown>* where) noexcept { shows_ = where; }

 protected:
  using reactor_maker = std::unique_ptr<reactor>(const reactor_choice&, operation_queue&);
  // Throws std::logic_error where a loop runs already, and what making the reactor throws.
  loop_core(reactor_maker& make, const reactor_choice& choice,
            std::shared_ptr<unhandled_sink> on_unhandled);
  ~loop_core();

  void read_clock() const noexcept {
    now_ = reactor_->now();
    clock_read_ = true;
    this_thread.now = now_;
  }

  void tell_before_wait() noexcept { observers_.tell(&loop_observer::before_wait, *this); }
  void tell_after_wait() noexcept { observers_.tell(&loop_observer::after_wait, *this); }

  job::ready_list ready_;
  operation_queue completed_;
  timer_wheel timers_;
  mutable time_point now_{};
  mutable bool clock_read_ = false;  // in this turn: now_ is what now() may answer
  bool simulated_;
  std::unique_ptr<reactor> reactor_;
  std::shared_ptr<detail::mailbox> mailbox_;
  thread_slots threads_;
  services services_;
  intrusive_list<pending_call> calls_;
  intrusive_list<line_wait> waits_for_idle_;
  std::uint64_t id_;
  std::shared_ptr<unhandled_sink> on_unhandled_;
  const job* main_ = nullptr;
  std::unique_ptr<job_names> names_;
  bool wants_names_ = false;
  loop_observers observers_;
  intrusive_list<shown>* shows_ = nullptr;
  std::shared_ptr<step_watch> watch_;  // shared: nobody here needs to know how it is destroyed
};

// That of the loop that runs on this thread. Ends the program when there is none.
inline loop_core& this_core() noexcept {
  loop_core* l = this_thread.running_loop;
  if (!l) [[unlikely]]
    fatal("this_loop() on a thread where no loop runs");
  return *l;
}

}  // namespace rondo::detail
