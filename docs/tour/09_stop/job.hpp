// A job: a chain of tasks that await each other, and that can be told to stop.
//
//   state     what cancel() does
//   fresh     it has not begun, and never will
//   waiting   it asks what the job waits for to let go
//   ready     nothing: it was woken with a result and has that first; it stops at its next wait
//   running   nothing: it stops at its next wait
//   ended     nothing
#pragma once

#include "../05_a_coroutine_by_hand/coroutine.hpp"
#include "../08_time/timed_loop.hpp"

#include <optional>

namespace tour {

class job;
inline job* current_job = nullptr;  // whose step this is

// begin stoppable
// Something that a job can wait for, and can stop waiting for.
class stoppable {
 public:
  // Asked at most once, while the job waits here. Leads to the job's wake(): it has happened; or to
  // its wake_stopped(): it has not, and will not.
  virtual void let_go() = 0;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> leaf);

 protected:
  ~stoppable() = default;
  virtual void begin() = 0;
  job* waits_ = nullptr;
};
// end stoppable

class job {
 public:
  enum class state { fresh, ready, running, waiting, ended };

  job(loop& l, task<> t)
      : of_(l), root_(body(*this, std::move(t))), leaf_(root_->handle()), steps_(steps(*this)) {
    of_.wake(steps_.handle());
  }
  job(const job&) = delete;
  job& operator=(const job&) = delete;
  // Whoever owns a job waits for its end.
  ~job() {
    if (state_ != state::ended) std::abort();
  }

  // begin cancel
  void cancel() {
    if (asked_) return;
    asked_ = true;
    if (state_ == state::waiting) on_->let_go();
    if (state_ == state::fresh) stops_ = true;
  }
  // end cancel
  bool ended() const { return state_ == state::ended; }
  bool stopped() const { return ended() && stops_; }  // before it could return

  // For what a job waits for.
  bool must_stop() const { return asked_; }
  void wait_on(std::coroutine_handle<> leaf, stoppable& what) {
    leaf_ = leaf;
    on_ = &what;
    state_ = state::waiting;
  }
  void wake() {
    state_ = state::ready;
    of_.wake(steps_.handle());
  }
  void wake_stopped() {
    stops_ = true;
    wake();
  }

 private:
  static coroutine body(job& j, task<> t) {
    co_await std::move(t);
    j.state_ = state::ended;
  }

  // begin steps
  // What the loop resumes: a step of the job each time, and at the end nothing is left of it.
  static coroutine steps(job& j) {
    while (!j.stops_ && j.state_ != state::ended) {
      j.state_ = state::running;
      current_job = &j;
      j.leaf_.resume();
      current_job = nullptr;
      if (j.state_ != state::ended) co_await std::suspend_always();
    }
    j.root_.reset();  // its frame goes, and with it all that it awaits, the innermost first
    j.state_ = state::ended;
  }
  // end steps

  loop& of_;
  std::optional<coroutine> root_;
  std::coroutine_handle<> leaf_;  // the innermost, where the job goes on
  coroutine steps_;
  stoppable* on_ = nullptr;
  state state_ = state::fresh;
  bool asked_ = false;  // to stop
  bool stops_ = false;  // it is taken apart in its next step
};

// begin suspend
inline void stoppable::await_suspend(std::coroutine_handle<> leaf) {
  waits_ = current_job;
  if (waits_->must_stop()) return waits_->wake_stopped();
  waits_->wait_on(leaf, *this);
  begin();
}
// end suspend

}  // namespace tour
