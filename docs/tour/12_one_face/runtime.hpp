// The runtime that chapters 5 to 10 have made, over the one face.
#pragma once

#include "../10_nobody_left_behind/group.hpp"
#include "reactor.hpp"

namespace tour {

// begin loop
class runtime final : public timed_loop {
 public:
  explicit runtime(reactor& r) : outside(r) {}
  reactor& outside;
  std::int64_t now() const override { return outside.now(); }

 private:
  void look_outside() override {
    do {
      outside.wait(ready_.empty() ? timers.next() : 0);
      timers.fire_due(now());
    } while (ready_.empty());
  }
};

inline runtime* here = nullptr;  // whose turn it is
// end loop

// begin io
struct io final : stoppable, operation {
  explicit io(const operation& op) : operation(op) {
    completed = [](operation& op) { static_cast<io&>(op).over(); };
  }
  std::size_t await_resume() const {
    if (result < 0) throw io_error{"io", static_cast<int>(-result)};
    return static_cast<std::size_t>(result);
  }
  void let_go() override {
    asked_ = true;
    here->outside.cancel(*this);
  }

 private:
  void begin() override { here->outside.start(*this); }
  void over() { asked_&& result == -ECANCELED ? waits_->wake_stopped() : waits_->wake(); }
  bool asked_ = false;
};
// end io

}  // namespace tour
