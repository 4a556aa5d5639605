// `rondo load URL...`: asks a server again and again, as fast as it answers or at a rate, and says
// how long the answers took.
//
// Closed loop: each connection asks, waits for the whole answer, and asks again. What a stalled
// server makes the others wait is then not seen: they do not ask meanwhile. Open loop (a rate):
// requests are planned at even distances, a request is sent by the first connection that is free,
// and its latency counts from the planned start, so that a stall counts for everybody it held up
// ("coordinated omission", Gil Tene).
#pragma once

#include "histogram.hpp"

#include <rondo/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rondo::tools {

struct load_options {
  std::vector<std::string> urls;     // asked for in turn
  std::string method;                // empty: GET, or POST when there is a body
  std::vector<std::string> headers;  // "Name: value"
  std::string data;                  // the body; "@path": a file's bytes, read once
  std::string unix_socket;           // where every connection goes; empty: where the URL says
  bool http2 = false;                // by HTTP/2, in clear too
  std::size_t connections = 64;
  std::size_t streams = 1;  // requests at once on each connection; more than 1 by HTTP/2 alone
  double duration_s = 10;
  double warm_up_s = 0;        // before that, in the same way, and not counted
  double rate = 0;             // requests a second over all connections; 0: closed loop
  std::uint64_t requests = 0;  // ends after as many, whatever the duration; 0: no limit
  double timeout_s = 30;       // for each request, and for what is unfinished at an open loop's end
  bool live = false;           // a line on stderr that is written anew every second
};

struct load_report {
  double seconds = 0;
  std::uint64_t started = 0;
  std::uint64_t completed = 0;  // with the whole body, whatever the status; what latency_ns has
  std::uint64_t planned = 0;    // open loop: requests that the rate asked for
  std::uint64_t body_bytes = 0;
  std::uint64_t failed = 0;  // ended with an error
  std::string first_error;   // what it said
  std::map<int, std::uint64_t> statuses;
  histogram latency_ns;
  double user_cpu_s = 0;  // of this process in the same time
  double system_cpu_s = 0;
  std::uint64_t system_calls = 0;  // of the reactor

  double rate() const noexcept {
    return seconds > 0 ? static_cast<double>(completed) / seconds : 0;
  }
  // Planned and neither answered nor failed when the time was over.
  std::uint64_t unfinished() const noexcept {
    return planned > completed + failed ? planned - completed - failed : 0;
  }
};

// Throws http::url_error, std::invalid_argument for options that make no sense, std::system_error
// that names the body's file when it cannot be read. A failing
// request is counted and does not end the run. Cancellation ends it at once, without a report.
task<load_report> load(load_options options);

// For people, and for programs: one JSON object on one line.
std::string as_text(const load_options& options, const load_report& report);
std::string as_json(const load_options& options, const load_report& report);
// The distribution of the latencies, in ms, as HdrHistogram writes it and its plotter reads it.
std::string as_hdr(const load_report& report);

}  // namespace rondo::tools
