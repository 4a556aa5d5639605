// Exercise 11.1: a batch. First everything is written down, then the kernel is called. The
// operations are the kernel's until they are completed, so all of them need a place that stays.
#pragma once

#include "../ring.hpp"

#include <string_view>

namespace tour {

inline void send_to_all(ring& r, const std::vector<int>& fds, std::string_view text) {
  std::vector<operation> all(fds.size());
  for (std::size_t i = 0; i < fds.size(); ++i) {
    all[i] = {.what = kind::send, .fd = fds[i], .data = text.data(), .size = text.size()};
    all[i].completed = [](operation&) {};
    r.start(all[i]);
  }
  r.run();
}

}  // namespace tour
