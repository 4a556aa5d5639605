// Exercise 9.3: cancelled at every wait.
//
// This takes a permit, waits for a letter, takes another permit, waits for a letter, and gives both
// back. If it is stopped at one of its waits, it is not resumed, and what stands after the wait
// never runs. The check stops it at each of them, one after the other.
#pragma once

#include "../letter.hpp"

namespace tour {

struct permits {
  int free = 1;
};

inline task<> work(letter& post, permits& first, permits& second) {
  co_await post;
  --first.free;
  co_await post;
  --second.free;
  co_await post;
  ++second.free;
  ++first.free;
}

}  // namespace tour
