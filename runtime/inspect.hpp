// Seeing inside: the tree of tasks, what each waits for, where, and since when.
//
//   dump_tasks();                      // on stderr
//   std::string tree = task_tree();
//
//   main: waiting for a task group, 1.204 s, in demo() at app.cpp:31
//     child "server" (spawned at app.cpp:28): waiting for accept on fd 7, 1.204 s, in serve() at app.cpp:12
//     child (spawned at app.cpp:29): waiting for a timeout, 0.204 s, in fetch() at app.cpp:19
//       body: waiting for recv on fd 9, 0.203 s, in read_reply() at app.cpp:15
//
// Nothing is recorded for it but the place of each co_await and the time of each wait.
#pragma once

#include <rondo/runtime/clock.hpp>

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

// Names the running job (a child of a group, a branch, …) in the tree. Throws std::bad_alloc.
void set_task_name(std::string name);

// Time left until the nearest deadline of a timeout around the caller; none when there is none. Not
// negative.
std::optional<std::chrono::nanoseconds> remaining_time();

namespace detail {

// The jobs that `w` waits for, as task_tree() shows them.
std::string tree_of(const waitable& w);

void report_slow_step(const std::string& name, const std::source_location& from, nanoseconds took);

}  // namespace detail
}  // namespace rondo
