// Exercise 13.3: the hidden source of chance. A list has an order that depends on nothing but what
// happened; the links of chapter 8 stand in the waiter, so that it can leave from the middle.
#pragma once

#include "../../08_time/wheel.hpp"

#include <string>

namespace tour {

struct waiter : timer_node {
  std::string name;
};

class waiters {
 public:
  void enter(waiter& w) { w.insert_before(all_); }
  static void leave(waiter& w) { w.unlink(); }
  // Wakes all: calls woken(waiter) for each, after it has left.
  template <class Woken>
  void wake_all(Woken woken) {
    while (all_.linked()) {
      auto& first = static_cast<waiter&>(*all_.next);
      first.unlink();
      woken(first);
    }
  }

 private:
  timer_node all_;
};

}  // namespace tour
