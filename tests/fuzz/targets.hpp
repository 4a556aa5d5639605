// What is fuzzed: each target takes any bytes, and ends the program with a sentence when a promise
// is broken.
//
// The same targets run two ways. In test_http, always: their seeds, a fixed number of mutations of
// them, and others for two seconds each. Under libFuzzer (-Dfuzz=true), which sees what the code
// does with its input: five seconds each, and three minutes by scripts/test --long.
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

// request, response, chunked, url, set_cookie, redirect, decode, challenge, multipart,
// event_stream, proxy_header, websocket, http2 where it is built.
const std::vector<target>& targets();

}  // namespace rondo_test::fuzz
