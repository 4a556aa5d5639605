// Exercise 3.3: when is a short read a proof?
//
// A reader asked for 10 bytes and got 3. Then there is no more, one would think, and one call of
// recv() can be saved: the one that would give EAGAIN. Find out where that is so. The check asks
// you, and then looks.
#pragma once

#include <cstddef>

namespace tour {

enum class socket_kind { tcp, unix_stream, datagram };

struct transfer {
  socket_kind kind;
  std::size_t asked;  // bytes
  std::size_t got;    // at least one
  bool hung_up;       // the event said that the other side has closed (EPOLLRDHUP)
};

// True: nothing more can be read now, neither bytes nor the end, and an edge will tell when that
// changes. So the reader need not ask.
inline bool drained(const transfer& t) { return t.got < t.asked; }

}  // namespace tour
