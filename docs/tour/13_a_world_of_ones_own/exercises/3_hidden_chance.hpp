// Exercise 13.3: the hidden source of chance.
//
// Those who wait, woken all at once. Everything is drawn from a seed, and yet two runs differ: a
// set of pointers is sorted by address, and addresses are the machine's. Wake them in the order in
// which they came. Who leaves is not woken, and leaving takes no longer when many wait.
#pragma once

#include "../../08_time/wheel.hpp"

#include <set>
#include <string>

namespace tour {

struct waiter : timer_node {
  std::string name;
};

class waiters {
 public:
  void enter(waiter& w) { all_.insert(&w); }
  void leave(waiter& w) { all_.erase(&w); }
  // Wakes all: calls woken(waiter) for each, after it has left.
  template <class Woken>
  void wake_all(Woken woken) {
    while (!all_.empty()) woken(*all_.extract(all_.begin()).value());
  }

 private:
  std::set<waiter*> all_;
};

}  // namespace tour
