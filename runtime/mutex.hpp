// mutex: one task at a time.
//
//   mutex m;
//   {
//     auto guard = co_await m.lock();
//     …                                  // awaits in here keep it locked
//   }                                    // unlocked; the task that has waited longest has it now
//
// First come, first served: the lock goes from hand to hand, a newcomer never passes a waiter, and
// whoever was given it resumes with it. Not recursive. Not thread-safe: it guards state across
// awaits, not threads.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <optional>
#include <utility>

namespace rondo {

class mutex {
 public:
  class guard;
  class lock_wait;

  mutex() = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  // Destroying a mutex that is locked or waited for ends the program.
  ~mutex() {
    if (owner_) detail::fatal("a mutex was destroyed while it was locked");
  }

  // Completes with the lock. Cancellation: leaves the line.
  lock_wait lock() noexcept;
  // Without waiting: nullopt when it is locked.
  std::optional<guard> try_lock() noexcept;
  bool is_locked() const noexcept { return owner_ != nullptr; }

 private:
  friend class condition;
  // Who stands in line. What is called when it has the lock is set as it comes there: most locks
  // are free, and cost nothing for it.
  class waiter : public detail::list_node {
   public:
    using grant = void (*)(waiter&) noexcept;
    detail::job* job_;
    grant granted_;

   protected:
    waiter() noexcept {}  // NOLINT(*-member-init, modernize-use-equals-default)
    waiter(const waiter& w) noexcept : list_node(w) {}  // NOLINT(*-member-init): not in line
    waiter& operator=(const waiter&) noexcept { return *this; }
    ~waiter() = default;
  };
  // True: the caller has the lock. False: it stands in line.
  bool take_or_wait(waiter& w, detail::job& j, waiter::grant then) noexcept {
    if (!owner_) {
      owner_ = &j;
      return true;
    }
    w.job_ = &j;
    w.granted_ = then;
    line_.push_back(w);
    return false;
  }
  void unlock() noexcept {
    waiter* const next = line_.pop_front();
    if (!next) [[likely]] {
      owner_ = nullptr;
      return;
    }
    owner_ = next->job_;
    next->granted_(*next);
  }
  // Of a lock that was taken outside a task.
  static const detail::job* nobodys() noexcept {
    static constinit detail::job nobody;
    return &nobody;
  }

  detail::intrusive_list<waiter> line_;
  // Who has locked it; nullptr: it is not locked. For those who look: the guard may have gone to
  // another task since, and this one may have ended.
  const detail::job* owner_ = nullptr;
};

// Holds the lock; gives it back when it goes.
class [[nodiscard]] mutex::guard {
 public:
  guard(guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
  guard& operator=(guard&& other) noexcept {
    if (this != &other) {
      unlock();
      mutex_ = std::exchange(other.mutex_, nullptr);
    }
    return *this;
  }
  ~guard() { unlock(); }

  // Before its time; once.
  void unlock() noexcept {
    if (mutex_) std::exchange(mutex_, nullptr)->unlock();
  }
  bool owns_lock() const noexcept { return mutex_ != nullptr; }

 private:
  friend class mutex;
  friend class condition;
  explicit guard(mutex& m) noexcept : mutex_(&m) {}
  mutex* mutex_;
};

class [[nodiscard("without co_await nothing happens")]] mutex::lock_wait final
    : public detail::wait_base,
      private waiter {
 public:
  explicit lock_wait(mutex& m) noexcept : mutex_(&m) {}
  bool begin(detail::job& j) noexcept override {
    if (mutex_->owner_ && j.stops_here()) return false;
    if (mutex_->take_or_wait(*this, j, &granted)) return true;
    j.wait_on(*this);
    return false;
  }
  void cancel(detail::job& j) noexcept override {
    unlink();
    j.wake_stopped();
  }
  void describe(detail::wait_visitor& v) const override {
    v.waits_for("a mutex");
    v.held_by(mutex_->owner_ == nobodys() ? nullptr : mutex_->owner_);
  }
  detail::wait_end end() const noexcept override { return {mutex_, false}; }
  guard await_resume() noexcept { return guard(*mutex_); }

 private:
  static void granted(waiter& w) noexcept { w.job_->wake(); }
  mutex* mutex_;
};

inline mutex::lock_wait mutex::lock() noexcept { return lock_wait(*this); }
inline std::optional<mutex::guard> mutex::try_lock() noexcept {
  if (owner_) return std::nullopt;
  const detail::job* const mine = detail::surrounding_job();
  owner_ = mine ? mine : nobodys();
  return guard(*this);
}

}  // namespace rondo
