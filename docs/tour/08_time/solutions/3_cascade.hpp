// Exercise 8.3: the cascade. A slot of level 1 that begins is now within the next 64: its timers
// are armed again, and each finds its own slot in level 0. That is done before those are fired,
// because one of them may be due at once. A timer is moved once for each level, however long it
// waits.
#pragma once

#include <vector>

namespace tour {

class two_levels {
 public:
  void arm(int when) {
    if (when / width == now_ / width)
      fine_[when % width].push_back(when);
    else
      coarse_[when / width].push_back(when);
  }

  template <class Fired>
  void tick(Fired fired) {
    ++now_;
    if (now_ % width == 0) {
      std::vector<int> begins;
      begins.swap(coarse_[now_ / width]);
      for (const int when : begins) arm(when);
    }
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
