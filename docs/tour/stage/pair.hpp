// Two ends of a connection in this program, neither of which blocks; or both, for io_uring.
#pragma once

#include "../01_a_page_please/descriptor.hpp"

#include <sys/socket.h>

#include <cstdlib>

namespace tour {

struct connected_pair {
  descriptor here, there;

  explicit connected_pair(int flags = SOCK_NONBLOCK) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ends) != 0) std::abort();
    here = descriptor(ends[0]);
    there = descriptor(ends[1]);
  }
};

}  // namespace tour
