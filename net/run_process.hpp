// run_process: a program run to its end, with what it wrote.
//
//   using net::process_options;
//   auto r = co_await net::run_process({"sort", "-n"},
//                                      process_options().input("2\n10\n").timeout(5s));
//   if (r.status.success()) use(r.output);
//
//   auto all = co_await net::run_pipeline({{"dmesg"}, {"grep", "-i", "error"}, {"wc", "-l"}});
//   use(all.back().output);
#pragma once

#include <rondo/net/process.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace rondo::net {

// What raise_for_status throws: what() has the program, how it ended, and the last line of its
// error stream.
class process_failed : public std::runtime_error {
 public:
  process_failed(const std::string& what, exit_status s) : std::runtime_error(what), status_(s) {}
  exit_status status() const noexcept { return status_; }

 private:
  exit_status status_;
};

// What has become of a process, and what it said.
struct process_result {
  std::string program;
  exit_status status;
  std::string output;
  std::string error;
  // False: the process had ended, but another still held its output when the grace was over, and
  // may have more to say.
  bool complete = true;

  // Throws process_failed unless the status is success. Returns the object itself.
  const process_result& raise_for_status() const;
};

// Feeds it its input, collects its output, and waits for its end. Input that it does not read is no
// error. Throws what process::start does; std::system_error, EFBIG, when it writes more than
// max_output; timed_out, when its time is over.
//
// However this ends, the process has ended and been reaped before. A cancelled one, or one whose
// time is over, gets SIGTERM, its grace, then SIGKILL; what it still writes meanwhile is read and
// dropped. A process that has ended but whose child holds the pipe keeps the caller for the grace
// at most.
task<process_result> run_process(std::vector<std::string> command, process_options options = {});

// The same for several, each reading what the one before writes: a result for each, the output in
// the last. `options` hold for every one; the input is the first one's, the output the last one's.
// When one cannot be started, those that were are ended. Throws std::invalid_argument for none.
// Cancelled: they have all ended before.
task<std::vector<process_result>> run_pipeline(std::vector<std::vector<std::string>> commands,
                                               process_options options = {});

}  // namespace rondo::net
