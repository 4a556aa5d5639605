// Exercise 8.2: the long step.
//
// To read the clock costs something, so a loop reads it once a turn, between two steps. Here a
// timer counts from the reading before. When a step takes 50 ms and arms a timer of 10 at its end,
// that is due at once: it is 10 ms, counted from a moment 50 ms ago. Make it count from the next
// reading, which is never too early.
#pragma once

#include <cstdint>
#include <vector>

namespace tour {

class turn_timers {
 public:
  // In a step: timer `name` is to fire in so many ms.
  void arm(int name, std::int64_t after_ms) { all_.push_back({name, now_ + after_ms}); }

  // Between two steps: the clock was read. Gives the names of those that are due, in the order of
  // their deadlines, and equal ones as they were armed.
  std::vector<int> clock_was_read(std::int64_t now_ms) {
    now_ = now_ms;
    std::vector<int> due;
    for (std::size_t earliest; (earliest = earliest_of_all()) < all_.size();) {
      due.push_back(all_[earliest].name);
      all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(earliest));
    }
    return due;
  }

 private:
  struct timer {
    int name;
    std::int64_t when;
  };

  // Of those that are due now; as many as there are, if none is.
  std::size_t earliest_of_all() const {
    std::size_t earliest = all_.size();
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const bool first = earliest == all_.size() || all_[i].when < all_[earliest].when;
      if (all_[i].when <= now_ && first) earliest = i;
    }
    return earliest;
  }

  std::int64_t now_ = 0;
  std::vector<timer> all_;
};

}  // namespace tour
