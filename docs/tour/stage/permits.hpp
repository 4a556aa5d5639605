// So many at a time, first come, first served.
//
//   const auto permit = co_await places.take();   // given back when it goes
#pragma once

#include "../12_one_face/runtime.hpp"

namespace tour {

// begin permits
class permits {
 public:
  explicit permits(int n) : free_(n) {}
  int free() const { return free_; }

  class permit {
   public:
    explicit permit(permits& p) : of_(&p) {}
    permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    ~permit() {
      if (of_ != nullptr) of_->give_back();
    }

   private:
    permits* of_;
  };

  struct taking final : stoppable, timer_node {
    explicit taking(permits& p) : of(p) {}
    permit await_resume() const { return permit(of); }
    void let_go() override {
      unlink();
      waits_->wake_stopped();
    }
    void begin() override { of.free_ > 0 ? (--of.free_, waits_->wake()) : insert_before(of.line_); }
    void hand_over() {
      unlink();
      waits_->wake();
    }
    permits& of;
  };
  taking take() { return taking(*this); }

 private:
  // To the first in the line, so that nobody can come in between.
  void give_back() {
    if (line_.linked())
      static_cast<taking&>(*line_.next).hand_over();
    else
      ++free_;
  }
  int free_;
  timer_node line_;
};
// end permits

}  // namespace tour
