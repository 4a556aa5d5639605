// Exercise 4.2: two in a row. What both steps need is kept by what comes last; a shared_ptr goes
// from one closure to the next, because the closures themselves move.
#pragma once

#include "../callback.hpp"

#include <memory>
#include <string>

namespace tour {

template <class Done>
void send_both(operation_loop& loop, int fd, const std::string& first, const std::string& second,
               Done done) {
  const auto one = std::make_shared<std::string>(first);
  const auto two = std::make_shared<std::string>(second);
  const auto send = [](int to, const std::string& text) {
    return operation{.what = kind::send, .fd = to, .data = text.data(), .size = text.size()};
  };
  async(loop, send(fd, *one), [&loop, fd, send, one, two, done](ssize_t r) {
    if (r < 0) return done(static_cast<int>(-r));
    async(loop, send(fd, *two), [two, done](ssize_t r) { done(r < 0 ? static_cast<int>(-r) : 0); });
  });
}

}  // namespace tour
