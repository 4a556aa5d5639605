// A task run as a job of its own: the body of a timeout, a branch of a gather, the main task.
#pragma once

#include <rondo/runtime/task.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace rondo::detail {

// A job and the frame that it begins with, without the type of the result.
class child_frame : public job {
 public:
  explicit child_frame(std::coroutine_handle<> frame) noexcept : frame_(frame) {}

  // Its first step comes from the ready list.
  void start(job_owner& owner) noexcept { job::start(promise_of(frame_.get()), owner); }
  // The same, when the owner may keep its frames after it has been stopped.
  void start_kept(job_owner& owner) noexcept { job::start_kept(promise_of(frame_.get()), owner); }
  // Not started, and to be started even if it is cancelled, for its cleanup.
  bool cleans_up() const noexcept { return detail::cleans_up(frame_); }
  // For an owner that was cancelled before it could start it. False: it is not needed. True: it
  // cleans up, and will end stopped, or with the cleanup's exception.
  bool starts_to_clean_up(job_owner& owner) noexcept {
    if (!cleans_up()) return false;
    start(owner);
    cancel();
    return true;
  }
  // To be called by the owner's on_end: what was unwound is no longer here to be destroyed.
  void let_go() noexcept {
    if (stopped()) frame_.release();
  }
  bool parked() const noexcept { return current_state() == state::parked; }
  // Destroys the frame, with the arguments in it.
  void discard() noexcept { frame_.reset(); }
  // The same, where what is destroyed sees what the child saw.
  void discard_inside() noexcept {
    if (!frame_) return;
    job* const before = std::exchange(this_thread.current, owner() ? this : this_thread.current);
    frame_.reset();
    this_thread.current = before;
  }

 protected:
  ~child_frame() = default;

  // Of a task that returned or threw: moves its outcome to `to`. An exception from that is one.
  template <class T>
  void move_outcome(outcome<T>& to) noexcept {
    std::destroy_at(&to);
    try {
      std::construct_at(&to, promise_of<T>(frame_.get()).result.take_outcome());
    } catch (...) {
      std::construct_at(&to, std::current_exception());
    }
  }

  frame_owner frame_;
};

template <class T>
class child : public child_frame {
 public:
  explicit child(task<T> t) noexcept : child_frame(t.release()) {}

  // Once it has ended: the value, or throws what it threw; cancelled_error if it was stopped.
  T take() {
    if (stopped()) throw cancelled_error();
    return promise_of<T>(frame_.get()).result.take();
  }
  // Once it has ended: it threw.
  bool failed() noexcept { return !stopped() && promise_of<T>(frame_.get()).result.has_error(); }
  outcome<T> take_outcome() {
    if (stopped() || !frame_) return outcome<T>();
    return promise_of<T>(frame_.get()).result.take_outcome();
  }
};

}  // namespace rondo::detail
