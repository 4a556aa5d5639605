// Exercise 9.1: cancel one's own event. Whoever lets go leaves the list first, while the frame is
// there. Who was woken is in the list no more, and is never asked to let go.
#pragma once

#include "../job.hpp"

namespace tour {

class event {
 public:
  class waiter final : public stoppable, timer_node {
   public:
    explicit waiter(event& e) : event_(e) {}
    void await_resume() const {}
    void let_go() override {
      unlink();
      waits_->wake_stopped();
    }

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

  waiter wait() { return waiter(*this); }
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
