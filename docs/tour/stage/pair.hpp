// Two ends of a connection in this program, neither of which blocks.
#pragma once

#include "../01_a_page_please/descriptor.hpp"

#include <sys/socket.h>

#include <cstdlib>

namespace tour {

struct connected_pair {
  descriptor here, there;

  connected_pair() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) std::abort();
    here = descriptor(ends[0]);
    there = descriptor(ends[1]);
  }
};

}  // namespace tour
