// What run_options::debug reports: a step that took too long, and a task that nobody awaited
// (report_never_awaited, job.hpp).
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/job.hpp>

#include <source_location>
#include <string>

namespace rondo::detail {

// One step of a job. It is made before the step, which may be the job's last.
class slow_step {
 public:
  explicit slow_step(const job& j) noexcept;
  // Logs how long the step took and between which lines it was: after its latest co_await
  // that is the program's own. A task that had not come to one is named by where it rests now, or
  // else by where it was spawned, or by where what it belongs to is awaited. `rests`: the job, if
  // it goes on. `name`: that of the job, if it has one.
  void report(nanoseconds took, const job* rests, const std::string* name);

 private:
  const char* how_ = "the first of its task";
  std::source_location where_;  // line 0: not known
  bool after_an_await_ = false;
};

}  // namespace rondo::detail
