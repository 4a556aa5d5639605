// How `rondo fetch` says what became of a URL.
#pragma once

#include "fetch_trace.hpp"

#include <rondo/http/headers.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

namespace rondo::tools {

struct fetched {
  std::string url;    // as it was given
  std::string final;  // after redirects
  int status = 0;
  std::string version;
  http::headers headers;
  std::uint64_t bytes = 0;
  std::size_t redirects = 0;
  std::chrono::nanoseconds took{};
  std::shared_ptr<const fetch_tracer> trace;  // null: not asked for
};

// An exit code and a kind, as fetch.hpp lists them.
struct failure {
  int code = 0;
  std::string kind;
  std::string phase;
  std::string message;
};
[[nodiscard]] failure failure_of(const std::exception_ptr& error);

// A line each, on stdout.
void print_row(const fetched& f);
void print_json(const fetched& f);
void print_json(const std::string& url, const failure& f);
void print_timings(const fetch_tracer& t, std::chrono::nanoseconds total);

}  // namespace rondo::tools
