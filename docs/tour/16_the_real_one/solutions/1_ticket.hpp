// Exercise 16.1: an awaitable of one's own, on Rondo. Who is told to stop leaves the line, and then
// his task is told so; and who is to stop already does not enter it.
#pragma once

#include <rondo/runtime.hpp>

#include <deque>

namespace tour {

class counter {
 public:
  class ticket_wait : public rondo::custom_awaitable {
   public:
    explicit ticket_wait(counter& c) : counter_(c) {}
    bool begin(rondo::waiting_task& t) noexcept override {
      if (t.stops_here()) return false;
      task_ = &t;
      counter_.line_.push_back(this);
      t.wait_on(*this);
      return false;
    }
    void cancel(rondo::waiting_task& t) noexcept override {
      std::erase(counter_.line_, this);
      t.wake_stopped();
    }
    int await_resume() const { return number_; }

   private:
    friend class counter;
    counter& counter_;
    rondo::waiting_task* task_ = nullptr;
    int number_ = 0;
  };

  // co_await c.ticket(): its number.
  ticket_wait ticket() { return ticket_wait(*this); }
  // For the first in the line, if there is one.
  void serve() {
    if (line_.empty()) return;
    ticket_wait& first = *line_.front();
    line_.pop_front();
    first.number_ = ++last_;
    first.task_->wake();
  }
  std::size_t waiting() const { return line_.size(); }

 private:
  std::deque<ticket_wait*> line_;
  int last_ = 0;
};

}  // namespace tour
