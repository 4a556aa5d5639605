// event: a flag that tasks wait for.
//
//   event ready;
//   co_await ready.wait();   // elsewhere: ready.set();
//
// set() releases everyone who waits, even if clear() follows in the same turn. Not thread-safe.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

namespace rondo {

class event {
 public:
  class waiter;

  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  // Destroying an event that somebody waits for ends the program.
  ~event() {
    if (!waiting_.empty()) detail::fatal("an event was destroyed while a task waited for it");
  }

  void set() noexcept;
  void clear() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }
  // Completes when the event is set; at once if it is. Cancellation: leaves the line.
  waiter wait() noexcept;

 private:
  detail::intrusive_list<waiter> waiting_;
  bool set_ = false;
};

class [[nodiscard("without co_await nothing happens")]] event::waiter final
    : public detail::line_wait {
 public:
  explicit waiter(event& e) noexcept : event_(&e) {}

  bool begin(detail::job& j) noexcept override {
    if (event_->set_) return true;
    if (j.stops_here()) return false;
    return stand_in(event_->waiting_, j);
  }
  void describe(detail::wait_visitor& v) const override { v.waits_for("an event"); }
  detail::wait_end end() const noexcept override { return {event_, false}; }
  void await_resume() const noexcept {}

 private:
  friend class event;
  event* event_;
};

inline void event::set() noexcept {
  set_ = true;
  while (waiter* w = waiting_.pop_front()) w->wake();
}

inline event::waiter event::wait() noexcept { return waiter(*this); }

}  // namespace rondo
