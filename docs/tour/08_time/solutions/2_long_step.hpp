// Exercise 8.2: the long step. What was armed waits, in its order, for the next reading, and is
// given its deadline then.
#pragma once

#include <cstdint>
#include <vector>

namespace tour {

class turn_timers {
 public:
  void arm(int name, std::int64_t after_ms) { unstamped_.push_back({name, after_ms}); }

  std::vector<int> clock_was_read(std::int64_t now_ms) {
    now_ = now_ms;
    for (const timer& t : unstamped_) all_.push_back({t.name, now_ + t.when});
    unstamped_.clear();
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
  std::vector<timer> unstamped_;  // armed since the last reading: `when` is how long
  std::vector<timer> all_;
};

}  // namespace tour
