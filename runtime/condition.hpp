// condition: waits, under a mutex, until somebody says that something has changed.
//
//   auto guard = co_await m.lock();
//   while (!ready) co_await c.wait(guard);
//
// wait() gives the lock back while it waits and holds it again however it ends, cancellation
// included, which then takes until the lock is had. (In the body of a task group that is when the
// group's children have ended: until then they may take it.) Notified first come, first served; a
// notification given to a task that is cancelled before it has the lock moves on to the next.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/mutex.hpp>

#include <cstddef>
#include <stdexcept>

namespace rondo {

class condition {
 public:
  class wait_for_notify;

  condition() = default;
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;
  ~condition() {
    if (!line_.empty()) detail::fatal("a condition was destroyed while a task waited for it");
    forget_notified();
  }

  // Completes, locked again, after a notification. Throws std::logic_error when the guard holds no
  // lock. The guard must stay where it is meanwhile.
  wait_for_notify wait(mutex::guard& guard) noexcept;
  // Wakes the `n` that have waited longest. Throws std::invalid_argument for a negative number.
  // Whoever calls need not hold the lock.
  void notify(detail::amount n = 1) noexcept;
  void notify_all() noexcept { notify(static_cast<std::size_t>(-1)); }

 private:
  inline void forget_notified() noexcept;

  detail::intrusive_list<wait_for_notify> line_;
  detail::intrusive_list<wait_for_notify> notified_;  // and not locked again yet
};

// In the condition's line; then, notified or stopped, in the mutex's.
class [[nodiscard("without co_await nothing happens")]] condition::wait_for_notify final
    : public detail::wait_base,
      public detail::list_node {
 public:
  wait_for_notify(condition& c, mutex::guard& g) noexcept : condition_(&c), guard_(&g) {}

  bool begin(detail::job& j) noexcept override {
    mutex_ = guard_->mutex_;
    if (!mutex_) return true;
    if (j.stops_here()) return false;
    notified_ = false;
    relock_.wait = this;
    relock_.job_ = &j;
    condition_->line_.push_back(*this);
    j.wait_on(*this);
    guard_->unlock();
    return false;
  }
  void cancel(detail::job& j) noexcept override {
    stopped_ = true;
    if (linked()) unlink();
    if (notified_ && condition_) condition_->notify();  // the next one gets what this one was given
    if (j.may_be_kept()) {
      if (notified_) relock_.unlink();
      j.wake_stopped_to_finish(*this);
    } else if (!notified_) {
      relock();
    }
  }
  void finish(detail::job&) noexcept override { relock(); }
  void describe(detail::wait_visitor& v) const override { v.waits_for("a condition"); }
  detail::wait_end end() const noexcept override { return {condition_, false}; }
  void await_resume() const {
    if (!mutex_) throw std::logic_error("condition::wait: the guard does not hold its mutex");
  }

 private:
  friend class condition;
  struct relocking final : mutex::waiter {
    static void granted(waiter& w) noexcept { static_cast<relocking&>(w).wait->locked_again(); }
    wait_for_notify* wait = nullptr;
  };

  void relock() noexcept {
    if (mutex_->take_or_wait(relock_, *relock_.job_, &relocking::granted)) locked_again();
  }
  void locked_again() noexcept {
    if (linked()) unlink();
    guard_->mutex_ = mutex_;
    if (stopped_)
      relock_.job_->wake_stopped();
    else
      relock_.job_->wake();
  }

  condition* condition_;
  mutex::guard* guard_;
  mutex* mutex_ = nullptr;
  relocking relock_;
  bool notified_ = false;
  bool stopped_ = false;
};

inline condition::wait_for_notify condition::wait(mutex::guard& guard) noexcept {
  return {*this, guard};
}

inline void condition::notify(detail::amount n) noexcept {
  for (std::size_t left = n; left > 0; --left) {
    wait_for_notify* w = line_.pop_front();
    if (!w) return;
    w->notified_ = true;
    notified_.push_back(*w);
    w->relock();
  }
}

// Nobody waits to whom a notification could move on, so they can do without the condition.
inline void condition::forget_notified() noexcept {
  while (wait_for_notify* w = notified_.pop_front()) w->condition_ = nullptr;
}

}  // namespace rondo
