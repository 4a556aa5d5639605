// A task run as a job of its own: the body of a timeout, a branch of a gather, the main task.
#pragma once

#include <rondo/runtime/task.hpp>

#include <utility>

namespace rondo::detail {

// The job and the frame, without the type of the result.
class child_frame {
 public:
  explicit child_frame(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
  child_frame(const child_frame&) = delete;
  child_frame& operator=(const child_frame&) = delete;

  // Its first step comes from the ready list.
  void start(job_owner& owner) noexcept { job_.start(promise_of(frame_.get()), owner); }
  // The same, when the owner may keep its frames after it has been stopped.
  void start_kept(job_owner& owner) noexcept { job_.start_kept(promise_of(frame_.get()), owner); }
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
  void cancel() noexcept { job_.cancel(); }
  // To be called by the owner's on_end: what was unwound is no longer here to be destroyed.
  void ended() noexcept {
    if (job_.stopped()) frame_.release();
  }
  bool parked() const noexcept { return job_.current_state() == job::state::parked; }
  void unpark() noexcept { job_.unpark(); }
  // Ended by cancellation, or never started.
  bool stopped() const noexcept { return job_.stopped(); }
  job& running_job() noexcept { return job_; }
  const job& running_job() const noexcept { return job_; }
  // Destroys the frame, with the arguments in it.
  void discard() noexcept { frame_.reset(); }
  // The same, where what is destroyed sees what the child saw.
  void discard_inside() noexcept {
    if (!frame_) return;
    job* const before =
        std::exchange(this_thread.current, job_.owner() ? &job_ : this_thread.current);
    frame_.reset();
    this_thread.current = before;
  }

 protected:
  frame_owner frame_;
  job job_;
};

template <class T>
class child : public child_frame {
 public:
  explicit child(task<T> t) noexcept : child_frame(t.release()) {}

  // Once it has ended: the value, or throws what it threw; cancelled_error if it was stopped.
  T take() {
    if (stopped()) throw cancelled_error();
    return promise().result.take();
  }
  // Once it has ended: it threw.
  bool failed() noexcept { return !stopped() && promise().result.has_error(); }
  outcome<T> take_outcome() {
    if (stopped() || !frame_) return outcome<T>();
    return promise().result.take_outcome();
  }

 private:
  detail::promise<T>& promise() noexcept {
    return std::coroutine_handle<detail::promise<T>>::from_address(frame_.get().address())
        .promise();
  }
};

}  // namespace rondo::detail
