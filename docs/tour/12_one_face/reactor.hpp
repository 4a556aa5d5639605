// The one face that the outside shows to the loop. Behind it stands epoll, or io_uring, or (in
// chapter 13) a world that does not exist.
#pragma once

#include "../04_callbacks/operation_loop.hpp"

#include <cstdint>

namespace tour {

// begin reactor
class reactor {
 public:
  virtual ~reactor() = default;

  // Begins an operation. It is completed in a later wait(), once, also if it need not wait.
  virtual void start(operation& op) = 0;
  // Asks one that is under way to end soon. It is completed all the same: with -ECANCELED, or with
  // what it has done.
  virtual void cancel(operation& op) = 0;
  // Sleeps until something is completed, and not beyond `until`. Calls `completed` of all that is.
  virtual void wait(std::int64_t until) = 0;
  virtual std::int64_t now() const = 0;  // in nanoseconds

  // Two ends of a connection.
  virtual void open_pair(int (&ends)[2]) = 0;
  // Nothing is under way on it.
  virtual void close(int fd) = 0;

  // How many system calls it has made for all this.
  virtual long calls() const = 0;
};
// end reactor

}  // namespace tour
