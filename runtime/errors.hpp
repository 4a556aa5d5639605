// The exceptions of the runtime. Errors of the system are std::system_error (see io_errors.hpp for
// the codes the library adds).
#pragma once

#include <rondo/version.hpp>

#include <stdexcept>
#include <string>

namespace rondo {

// A timeout's own deadline ended its task.
class timed_out : public std::runtime_error {
 public:
  timed_out() : std::runtime_error("timed out") {}
  using std::runtime_error::runtime_error;
};

// Somebody asked for the result of a task that was cancelled.
class cancelled_error : public std::runtime_error {
 public:
  cancelled_error() : std::runtime_error("the task was cancelled") {}
  using std::runtime_error::runtime_error;
};

// run() was ended by SIGINT.
class interrupted : public cancelled_error {
 public:
  interrupted() : cancelled_error("interrupted by SIGINT") {}
};

// put, or get with nothing left, on a queue that was closed.
class queue_closed : public std::runtime_error {
 public:
  queue_closed() : std::runtime_error("the queue is closed") {}
};

// spawn in a task group that has ended.
class group_closed : public std::runtime_error {
 public:
  group_closed()
      : std::runtime_error("the task group has ended; nothing can be spawned in it any more") {}
};

// post or submit to a loop that has ended.
class loop_ended : public std::runtime_error {
 public:
  loop_ended() : std::runtime_error("the loop has ended; nothing can be posted to it any more") {}
};

}  // namespace rondo
