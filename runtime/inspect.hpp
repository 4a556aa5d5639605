// Seeing inside: the tree of tasks, what each waits for, where, and since when.
//
//   dump_tasks();                      // on stderr
//   std::string tree = task_tree();
//
//   main: waiting for a task group, 1.204 s, in demo() at a.cpp:31
//     child "web" (spawned at a.cpp:28): waiting for accept on fd 7, 1.204 s, in serve() at a.cpp:9
//     child (spawned at a.cpp:29): waiting for a timeout, 0.204 s, in fetch() at app.cpp:19
//       body: waiting for recv on fd 9, 0.203 s, in read_reply() at a.cpp:15
//         awaited in ask() at a.cpp:18
//
// A task is shown with all its awaits, from the innermost outwards; those that are the library's
// own (a scope inside a scope) are left out.
// Nothing is recorded for it but the place of each co_await and the time of each wait.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <cstdio>
#include <optional>
#include <source_location>
#include <string>

namespace rondo {

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

// The jobs that `w` waits for, as task_tree() shows them.
std::string tree_of(const waitable& w);

}  // namespace detail
}  // namespace rondo
