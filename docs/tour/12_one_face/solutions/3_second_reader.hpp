// Exercise 12.3: refuse a second reader. A place is a descriptor and a direction, and only who has
// it can give it back.
#pragma once

#include "../reactor.hpp"

#include <map>

namespace tour {

class busy_list {
 public:
  // True: it may begin. False: it is refused. Either way it leaves when it is completed.
  bool enter(const operation& op) { return under_way_.try_emplace(place_of(op), &op).second; }
  void leave(const operation& op) {
    const auto mine = under_way_.find(place_of(op));
    if (mine != under_way_.end() && mine->second == &op) under_way_.erase(mine);
  }

 private:
  using place = std::pair<int, bool>;
  static place place_of(const operation& op) { return {op.fd, op.what == kind::recv}; }
  std::map<place, const operation*> under_way_;
};

}  // namespace tour
