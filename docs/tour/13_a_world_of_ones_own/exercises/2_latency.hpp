// Exercise 13.2: latency.
//
// One direction of a connection, in virtual time. Each piece is under way for a time that is drawn,
// and later pieces overtake earlier ones. That is how datagrams are, and a stream is not.
#pragma once

#include "../chance.hpp"

#include <map>
#include <string>

namespace tour {

class wire {
 public:
  wire(std::uint64_t seed, std::int64_t least, std::int64_t most)
      : chance_(seed), least_(least), most_(most) {}

  void send(std::int64_t now, const std::string& bytes) {
    under_way_.emplace(now + chance_.between(least_, most_), bytes);
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
  std::multimap<std::int64_t, std::string> under_way_;  // by when it arrives
};

}  // namespace tour
