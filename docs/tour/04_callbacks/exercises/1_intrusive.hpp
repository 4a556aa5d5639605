// Exercise 4.1: a page without closures.
//
// This makes four closures or more. But a page has only one operation under way at any time: let it
// be one itself, with room for what the steps need, and write each step as a function that the loop
// calls (`completed`). It stays where it is until the loop has run.
#pragma once

#include "../fetch.hpp"

namespace tour {

class fetching {
 public:
  fetching(operation_loop& loop, unsigned short port, const std::string& path) {
    fetch(loop, port, path, [this](const page& p, int e) {
      result = p;
      error = e;
    });
  }
  fetching(const fetching&) = delete;

  page result;    // when the loop has run
  int error = 0;  // errno, when it has failed
};

}  // namespace tour
