// Exercise 11.2: a cancelled read. What counts is the completion of the read itself, and that may
// say that it was quicker. The completion of the cancellation may come first, so that one enter is
// not enough.
#pragma once

#include "../ring.hpp"

namespace tour {

struct reading : operation {
  bool over = false;

  reading(int from, char* to, std::size_t n) {
    fd = from;
    buffer = to;
    size = n;
    completed = [](operation& op) { static_cast<reading&>(op).over = true; };
  }
};

inline ssize_t stop_read(ring& r, reading& op) {
  if (!op.over) r.cancel(op);
  while (!op.over) {
    r.enter();
    r.call_completed();
  }
  return op.result;
}

}  // namespace tour
