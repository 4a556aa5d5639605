// What loop.call_later gives: a handle on a call that is to come.
//
//   // may be dropped: the call comes all the same
//   timer_handle h = this_loop().call_later(5s, [] { … });
//   h.cancel();                                              // or not
//
// For callbacks: a task sleeps instead. The handle belongs to the loop's thread and may outlive the
// loop.
#pragma once

#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/core/timers.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace rondo {

class timer_handle;

namespace detail {

// In the loop's list while it is pending. Held by the loop until then, and by the handle.
class pending_call : public list_node, public pooled {
 public:
  pending_call(const pending_call&) = delete;
  pending_call& operator=(const pending_call&) = delete;
  virtual ~pending_call() = default;

  bool pending() const noexcept { return linked(); }
  // Takes it back: the function is destroyed, unrun.
  void cancel() noexcept;
  void keep() noexcept { ++holders_; }
  void release() noexcept {
    if (--holders_ == 0) delete this;
  }

 protected:
  pending_call() = default;

 private:
  friend timer_handle arm_call(std::unique_ptr<pending_call> call, nanoseconds after);
  struct due final : timer {
    explicit due(pending_call& c) noexcept : timer(&fired), call(&c) {}
    static void fired(timer& t) noexcept;
    pending_call* call;
  };
  virtual void run() = 0;
  virtual void forget() noexcept = 0;  // destroys the function

  due due_{*this};
  int holders_ = 1;  // the loop
};

template <class Fn>
class typed_pending_call final : public pending_call {
 public:
  explicit typed_pending_call(Fn&& fn) : fn_(std::move(fn)) {}

 private:
  void run() override { (*fn_)(); }
  void forget() noexcept override { fn_.reset(); }
  std::optional<Fn> fn_;
};

// The call is the loop's, until it has come.
timer_handle arm_call(std::unique_ptr<pending_call> call, nanoseconds after);

}  // namespace detail

// Dropping it changes nothing.
class timer_handle {
 public:
  timer_handle() noexcept = default;
  timer_handle(timer_handle&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  timer_handle& operator=(timer_handle&& other) noexcept {
    std::swap(call_, other.call_);
    return *this;
  }
  ~timer_handle() {
    if (call_) call_->release();
  }

  // The call will not come, and its function is destroyed. Nothing when it has come, or comes right
  // now.
  void cancel() noexcept {
    if (call_ && call_->pending()) call_->cancel();
  }
  // The call is still to come.
  bool pending() const noexcept { return call_ && call_->pending(); }

 private:
  friend timer_handle detail::arm_call(std::unique_ptr<detail::pending_call> call,
                                       detail::nanoseconds after);
  explicit timer_handle(detail::pending_call& c) noexcept : call_(&c) { c.keep(); }
  detail::pending_call* call_ = nullptr;
};

}  // namespace rondo
