// Exercise 8.3: the cascade.
//
// A wheel of two levels for times up to 4,095. A timer that is due within the next 64 is in level
// 0, which has a slot for each time; one that is due later is in level 1, whose slots are 64 wide.
// When a slot of level 1 begins, this fires all that is in it, which is up to 63 too early. Move
// them down instead.
#pragma once

#include <vector>

namespace tour {

class two_levels {
 public:
  // `when`: later than now, at most 4,095.
  void arm(int when) {
    if (when / width == now_ / width)
      fine_[when % width].push_back(when);
    else
      coarse_[when / width].push_back(when);
  }

  // One step of the clock. Calls fired(when) for those that are due.
  template <class Fired>
  void tick(Fired fired) {
    ++now_;
    if (now_ % width == 0) fire(coarse_[now_ / width], fired);
    fire(fine_[now_ % width], fired);
  }
  int now() const { return now_; }

 private:
  static constexpr int width = 64;

  template <class Fired>
  void fire(std::vector<int>& slot, Fired fired) {
    std::vector<int> due;
    due.swap(slot);
    for (const int when : due) fired(when);
  }

  int now_ = 0;
  std::vector<int> fine_[width];
  std::vector<int> coarse_[width];
};

}  // namespace tour
