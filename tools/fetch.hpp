// `rondo fetch URL…`: fetches all at once and prints a row each and the total.
#pragma once

#include "connecting.hpp"

#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::tools {

struct fetch_options : connecting_options {
  std::vector<std::string> urls;
  std::string method;  // empty: GET, or POST when there is a body
  std::string data;    // the body; "@path": a file's bytes, streamed
  bool has_data = false;
  bool json_body = false;         // the body is JSON
  std::vector<std::string> form;  // "name=value", "name=@path": multipart/form-data
  std::string output;             // where the body goes; "-": stdout; empty: nowhere
  std::size_t limit = 100;        // connections at a time
  double timeout_s = 300;         // for each URL
  int follow = 10;                // redirects
  int repeat = 1;                 // how often each URL is fetched
  bool raw = false;               // content codings stay on
  bool http2 = false;             // HTTP/2 alone, in clear too
  bool http1 = false;             // HTTP/1.1 alone
  bool verbose = false;           // both sides' heads, and HTTP/2's frames, on stderr
  bool timings = false;           // where the time went
  bool json = false;              // a JSON object a line instead of rows
  bool progress = false;          // of long downloads, on stderr
  bool quiet = false;             // the total alone
};

inline constexpr std::string_view fetch_exit_codes =
    "Exit code, that of the first URL that failed, in their order:\n"
    "  0  every URL answered with a status below 400\n"
    "  1  a status of 400 or above\n"
    "  2  bad arguments\n"
    "  3  a URL that is none\n"
    "  4  no connection: name, address or proxy\n"
    "  5  a timeout\n"
    "  6  no HTTP, or a body that is not whole\n"
    "  7  TLS\n"
    "  8  redirects: too many, or not to be followed\n"
    "  9  anything else";

// Throws std::invalid_argument for options that do not go together.
void check_fetch(const fetch_options& options);

// Gives one of them.
//
// Throws as check_fetch().
task<int> fetch(fetch_options options);

}  // namespace rondo::tools
