// What is fuzzed: each target takes any bytes, and ends the program with a sentence when a promise is broken.
//
// The same targets run three ways: their seeds and a fixed number of mutations of them in test_http, always; and under
// libFuzzer (-Dfuzz=true), seconds each by default and minutes with RONDO_TEST_LONG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo_test::fuzz {

struct target {
  const char* name;
  void (*run)(std::string_view input);
  std::vector<std::string> seeds;
};

// response, chunked, url, set_cookie, redirect, decode.
const std::vector<target>& targets();

}  // namespace rondo_test::fuzz
