// The inspect socket: a Unix socket, for the user alone whose process it is, and a thread that
// answers there while loops are inspected. A request is a word on a line; an answer is JSON, an
// object a line, and ends with {"end":true}.
//
//   loops    each loop: its reactor and counters
//   tasks    the same, and each of its tasks
//            (with both: what it has beside tasks, pools and servers; core/shown.hpp)
//   stalls   where loops have been stuck (with RONDO_STALL)
//
// A loop that does not answer within 100 ms is asked by a signal where it is, and told as
// "blocked". Whatever fails here is a warning: the program goes on.
#pragma once

#include <memory>
#include <string>

namespace rondo::detail {

// Held by each loop that is inspected. The last to go closes the socket.
class inspect_lease {
 public:
  inspect_lease() = default;
  inspect_lease(const inspect_lease&) = delete;
  inspect_lease& operator=(const inspect_lease&) = delete;
  ~inspect_lease();

  // `where`: a path, or "1" for $XDG_RUNTIME_DIR/rondo/PID.sock (/tmp/rondo-UID/PID.sock without
  // it). False: it cannot be had, and a warning has said why.
  bool take(const std::string& where);

 private:
  bool held_ = false;
};

// Where "1" leads to.
std::string default_inspect_path();

}  // namespace rondo::detail
