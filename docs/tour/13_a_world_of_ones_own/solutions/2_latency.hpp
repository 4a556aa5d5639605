// Exercise 13.2: latency. A piece arrives no earlier than the one before it. (A multimap keeps
// equal times in the order in which they were put in.)
#pragma once

#include "../chance.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace tour {

class wire {
 public:
  wire(std::uint64_t seed, std::int64_t least, std::int64_t most)
      : chance_(seed), least_(least), most_(most) {}

  void send(std::int64_t now, const std::string& bytes) {
    last_ = std::max(last_, now + chance_.between(least_, most_));
    under_way_.emplace(last_, bytes);
  }
  // What has come until `now`, since it was asked before.
  std::string arrived(std::int64_t now) {
    std::string all;
    while (!under_way_.empty() && under_way_.begin()->first <= now)
      all += under_way_.extract(under_way_.begin()).mapped();
    return all;
  }

 private:
  chance chance_;
  std::int64_t least_, most_;
  std::int64_t last_ = 0;                               // when what was sent last arrives
  std::multimap<std::int64_t, std::string> under_way_;  // by when it arrives
};

}  // namespace tour
