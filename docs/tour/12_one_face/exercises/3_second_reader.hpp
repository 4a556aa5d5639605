// Exercise 12.3: refuse a second reader.
//
// Two tasks read from one stream. The loop of chapter 4 refuses the second, with -EBUSY. The ring
// does not: it gives each some of the bytes, and nobody knows which. Behind one face both must do
// the same. This is the list of who is under way. It refuses too much (a reader and a writer do not
// disturb each other), and when one that was refused leaves, it takes the first one's place away.
#pragma once

#include "../reactor.hpp"

#include <map>

namespace tour {

class busy_list {
 public:
  // True: it may begin. False: it is refused. Either way it leaves when it is completed.
  bool enter(const operation& op) { return under_way_.try_emplace(op.fd, &op).second; }
  void leave(const operation& op) { under_way_.erase(op.fd); }

 private:
  std::map<int, const operation*> under_way_;
};

}  // namespace tour
