// Exercise 4.2: two in a row.
//
// Send two texts, one after the other, and then call done(0), or done(errno) if one of them could
// not be sent; in that case the second is not begun. The texts may be gone when this returns. The
// loop takes one operation for each direction: a second ends with EBUSY.
#pragma once

#include "../callback.hpp"

#include <string>

namespace tour {

template <class Done>
void send_both(operation_loop& loop, int fd, const std::string& first, const std::string& second,
               Done done) {
  const operation one{.what = kind::send, .fd = fd, .data = first.data(), .size = first.size()};
  const operation two{.what = kind::send, .fd = fd, .data = second.data(), .size = second.size()};
  async(loop, one, [](ssize_t) {});
  async(loop, two, [done](ssize_t r) { done(r < 0 ? static_cast<int>(-r) : 0); });
}

}  // namespace tour
