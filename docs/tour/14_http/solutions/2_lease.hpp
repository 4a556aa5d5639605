// Exercise 14.2: a cancelled request gives its place back. The destructor runs whichever way the
// request ends. All that it has to know is whether the message has ended.
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
  ~lease() {
    if (whole_) pool_.idle.push_back(std::move(connection_));
    ++pool_.places;
  }

  connection_of_the_check& connection() { return *connection_; }
  // The whole answer has come.
  void answered() { whole_ = true; }

 private:
  static connections::owned take(connections& p) {
    if (p.idle.empty()) return p.dial();
    connections::owned c = std::move(p.idle.back());
    p.idle.pop_back();
    return c;
  }
  connections& pool_;
  connections::owned connection_;
  bool whole_ = false;
};

}  // namespace tour
