// Several tasks run side by side by one parent: what gather, race, any and map_concurrent are made
// of.
//
// Each branch is a job of its own that lives in its parent's frame or in one array: running n tasks
// side by side makes no coroutine beyond the tasks themselves. When a branch ends, its outcome is
// moved out of its frame and the frame is destroyed at once, so that what it held (arguments,
// permits, the end of a queue) is back before its siblings go on. The parent goes on only when the
// last branch has ended.
#pragma once

#include <rondo/runtime/core/child.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <vector>

namespace rondo::detail {

class branch_base : public child_frame {
 public:
  // Moves the outcome out of the frame and destroys the frame. True when the task threw.
  virtual bool settle() noexcept = 0;
  // The exception it threw, once it is settled.
  virtual std::exception_ptr error() const noexcept = 0;

 protected:
  using child_frame::child_frame;
  ~branch_base() = default;

 private:
  friend class branches_wait;
  branch_base* next_ = nullptr;  // in argument order
};

template <class T>
class branch final : public branch_base {
 public:
  explicit branch(task<T>&& t) noexcept : branch_base(t.release()) {}

  bool settle() noexcept override {
    let_go();
    if (stopped()) return false;
    move_outcome(result_);
    discard();
    return result_.has_error();
  }
  std::exception_ptr error() const noexcept override { return result_.error(); }

  // Cancelled until the task has ended with a value or an exception.
  outcome<T>& result() noexcept { return result_; }
  // The value, which must be there; a pointer for a reference.
  stored_t<T> take_value() {
    if constexpr (std::is_void_v<T>)
      return {};
    else if constexpr (std::is_reference_v<T>)
      return std::addressof(std::move(result_).value());
    else
      return std::move(result_).value();
  }

 private:
  outcome<T> result_;
};

// One array for all of them.
template <class T>
std::vector<branch<T>> make_branches(std::vector<task<T>>&& tasks) {
  return std::vector<branch<T>>(std::make_move_iterator(tasks.begin()),
                                std::make_move_iterator(tasks.end()));
}

// Refuses what is neither a task nor the like, nor a vector of tasks that is an rvalue.
template <class X>
consteval void refuse_branch() {
  constexpr bool several =
      !awaitable<X> && requires { requires is_task<typename std::remove_cvref_t<X>::value_type>; };
  static_assert(!several, "several tasks are handed over as an rvalue: std::move(tasks)");
  if constexpr (!several) refuse_unless_taskable<X>();
}

// The parent's wait. A derived class says what the end of a branch means.
class branches_wait : public wait_base, private job_owner {
 public:
  bool begin(job& parent) noexcept override;
  void cancel(job&) noexcept override;
  bool must_begin() const noexcept override;
  void describe(wait_visitor& v) const override;
  const job* parent() const noexcept override { return parent_; }
  void await_resume() const noexcept {}

 protected:
  branches_wait() = default;
  branches_wait(const branches_wait&) = delete;
  branches_wait& operator=(const branches_wait&) = delete;
  ~branches_wait() = default;

  // In argument order, before the wait begins.
  void add(branch_base& b) noexcept;
  // The result is known, and a cancellation that comes now does not take it back.
  void decide() noexcept { decided_ = true; }
  void cancel_branches() noexcept;
  bool cancelled_from_outside() const noexcept { return outside_; }

  // `b` has ended and is settled.
  virtual void branch_ended(branch_base& b, bool failed) noexcept = 0;

 private:
  void on_end(job& j) noexcept override;

  branch_base* first_ = nullptr;
  branch_base* last_ = nullptr;
  job* parent_ = nullptr;
  std::size_t running_ = 0;
  bool decided_ = false;
  bool outside_ = false;  // the parent's cancellation has been handed on
  bool stopped_ = false;  // … and has stopped a branch
};

}  // namespace rondo::detail
