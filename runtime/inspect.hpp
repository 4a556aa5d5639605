// Seeing inside: the tree of tasks, what each waits for, where, and since when.
//
//   dump_tasks();                      // on stderr
//   std::string tree = task_tree();
//
//   main: waiting for a task group, 1.204 s, in demo() at a.cpp:31
//     child "web" (spawned at a.cpp:28): waiting for accept on fd 7, 1.204 s, in serve() at a.cpp:9
//     child (spawned at a.cpp:29): waiting for a timeout, 0.204 s, in fetch() at app.cpp:19
//       body: waiting for recv on fd 9, 0.203 s, in read_reply() at a.cpp:15
//
// Nothing is recorded for it but the place of each co_await and the time of each wait.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <cstdio>
#include <optional>
#include <source_location>
#include <string>

namespace rondo {

class loop;
namespace detail {
class waitable;
}

// The tasks of the calling thread's loop, from the main task down. On the loop's thread.
std::string task_tree();
// The same, written to `to`.
void dump_tasks(std::FILE* to = stderr);

// Names the running job (a child of a group, a branch, …) in the tree. Where there is no task, as
// in a post or outside a loop, and when it has ended, nothing happens. Throws std::bad_alloc.
void set_task_name(std::string name);

// Time left until the nearest deadline of a timeout around the caller; none when there is none, or
// no task. Not negative. Both work in the destructors of a task that is being cancelled.
std::optional<std::chrono::nanoseconds> remaining_time();

namespace detail {

class job;

// The jobs that `w` waits for, as task_tree() shows them.
std::string tree_of(const waitable& w);

// Where a step was, for a report of slow ones: "after app.cpp:12, in serve()".
struct step_place {
  const char* how = "";
  std::source_location where;  // line 0: not known
  bool is_latest_await = false;
};
// Before the step: the latest co_await that is the program's own. A task that has not come to one
// yet is named by where it was spawned, or by where what it belongs to is awaited.
step_place place_of_step(const job& j) noexcept;
// After it, when the job goes on: where it rests now.
step_place place_of_rest(const job& j) noexcept;
void report_slow_step(const std::string& name, const step_place& from, nanoseconds took);

}  // namespace detail
}  // namespace rondo
