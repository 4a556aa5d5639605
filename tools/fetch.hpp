// `rondo fetch URL…`: fetches all at once and prints a row each and the total.
#pragma once

#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace rondo::tools {

struct fetch_options {
  std::vector<std::string> urls;
  std::size_t limit = 100;  // connections at a time
  double timeout_s = 300;   // for each URL
  int repeat = 1;           // how often each URL is fetched
  bool quiet = false;       // the total alone
};

// The exit code: 0 when every URL answered with a status below 400, else 1.
task<int> fetch(fetch_options options);

}  // namespace rondo::tools
