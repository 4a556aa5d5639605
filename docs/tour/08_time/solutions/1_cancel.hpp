// Exercise 8.1: cancel in constant time. A ring with the list's own node in it, as in wheel.hpp: no
// first and no last, and so no special case. One that is in no list is a ring of its own.
#pragma once

#include "../../stage/counted_link.hpp"

namespace tour {

struct listed {
  counted_link<listed> next;
  counted_link<listed> before;
  int name = 0;

  listed() {
    next = this;
    before = this;
  }
  listed(const listed&) = delete;
  listed& operator=(const listed&) = delete;
};

class timer_list {
 public:
  void add(listed& t) {
    listed* last = ring_.before;
    t.before = last;
    t.next = &ring_;
    last->next = &t;
    ring_.before = &t;
  }

  static void cancel(listed& t) {
    listed *next = t.next, *before = t.before;
    before->next = next;
    next->before = before;
    t.next = &t;
    t.before = &t;
  }

  listed* take_first() {
    listed* t = ring_.next;
    if (t == &ring_) return nullptr;
    cancel(*t);
    return t;
  }

 private:
  listed ring_;
};

}  // namespace tour
