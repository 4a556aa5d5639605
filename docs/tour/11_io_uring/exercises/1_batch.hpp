// Exercise 11.1: a batch.
//
// Sends a text on every descriptor, and returns when all have it. This one calls the kernel once
// for each. Once is enough for all of them.
#pragma once

#include "../ring.hpp"

#include <string_view>

namespace tour {

inline void send_to_all(ring& r, const std::vector<int>& fds, std::string_view text) {
  for (const int fd : fds) {
    operation op{.what = kind::send, .fd = fd, .data = text.data(), .size = text.size()};
    op.completed = [](operation&) {};
    r.start(op);
    r.run();
  }
}

}  // namespace tour
