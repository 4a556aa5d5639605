// Exercise 8.1: cancel in constant time.
//
// A slot's timers stand in a list, in the order in which they were added. To take one out, this
// walks along until it finds it. Make it touch no more than a handful of links, however many timers
// there are; the links count. A timer that is in no list may be cancelled too: nothing happens.
#pragma once

#include "../../stage/counted_link.hpp"

namespace tour {

struct listed {
  counted_link<listed> next;
  counted_link<listed> before;  // not used yet
  int name = 0;
};

class timer_list {
 public:
  void add(listed& t) {
    t.next = nullptr;
    if (first_ == nullptr)
      first_ = &t;
    else
      last_->next = &t;
    last_ = &t;
  }

  void cancel(listed& t) {
    listed* one_before = nullptr;
    for (listed* here = first_; here != nullptr; here = here->next) {
      if (here == &t) {
        if (one_before == nullptr)
          first_ = t.next;
        else
          one_before->next = t.next;
        if (last_ == &t) last_ = one_before;
        return;
      }
      one_before = here;
    }
  }

  // Takes the first out. nullptr: there is none.
  listed* take_first() {
    listed* t = first_;
    if (t != nullptr) cancel(*t);
    return t;
  }

 private:
  counted_link<listed> first_;
  counted_link<listed> last_;
};

}  // namespace tour
