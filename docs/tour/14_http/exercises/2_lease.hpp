// Exercise 14.2: a cancelled request gives its place back.
//
// A lease is a place in the pool and a connection. When its request has had its whole answer, the
// connection goes back, for the next one. A request can also end in the middle: then the rest of
// its answer would be read by the next one, so the connection has to go; and the place is free all
// the same. This lease gives back when it is told to, and at no other time.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace tour {

struct connection_of_the_check;

struct connections {
  using owned = std::unique_ptr<connection_of_the_check, void (*)(connection_of_the_check*)>;
  int places = 2;
  std::vector<owned> idle;
  owned (*dial)() = nullptr;
};

class lease {
 public:
  // There is a place.
  explicit lease(connections& p) : pool_(p), connection_(take(p)) { --p.places; }
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;

  connection_of_the_check& connection() { return *connection_; }
  // The whole answer has come.
  void answered() {
    pool_.idle.push_back(std::move(connection_));
    ++pool_.places;
  }

 private:
  static connections::owned take(connections& p) {
    if (p.idle.empty()) return p.dial();
    connections::owned c = std::move(p.idle.back());
    p.idle.pop_back();
    return c;
  }
  connections& pool_;
  connections::owned connection_;
};

}  // namespace tour
