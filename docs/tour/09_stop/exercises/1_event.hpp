// Exercise 9.1: cancel one's own event.
//
// Jobs wait for an event, in a list whose nodes stand in their frames. One of them is told to stop:
// its frame goes, and the node with it. Mend what is wrong with that.
#pragma once

#include "../job.hpp"

namespace tour {

class event {
 public:
  class waiter final : public stoppable, timer_node {
   public:
    explicit waiter(event& e) : event_(e) {}
    void await_resume() const {}
    void let_go() override { waits_->wake_stopped(); }

   private:
    friend class event;
    void begin() override {
      if (event_.set_)
        waits_->wake();
      else
        insert_before(event_.waiting_);
    }
    event& event_;
  };

  // co_await e.wait(): until it is set; at once if it is.
  waiter wait() { return waiter(*this); }
  // Wakes everybody who waits.
  void set() {
    set_ = true;
    while (waiting_.linked()) {
      auto& first = static_cast<waiter&>(*waiting_.next);
      first.unlink();
      first.waits_->wake();
    }
  }

 private:
  timer_node waiting_;
  bool set_ = false;
};

}  // namespace tour
