// Exercise 3.3: when is a short read a proof? Of a TCP stream, and as long as the other side has
// not closed. A datagram is read alone, and a Unix stream stops where descriptors were sent along.
// A hang-up has had its edge: the end must be read now, or is never heard of.
#pragma once

#include <cstddef>

namespace tour {

enum class socket_kind { tcp, unix_stream, datagram };

struct transfer {
  socket_kind kind;
  std::size_t asked;
  std::size_t got;
  bool hung_up;
};

inline bool drained(const transfer& t) {
  return t.kind == socket_kind::tcp && !t.hung_up && t.got < t.asked;
}

}  // namespace tour
