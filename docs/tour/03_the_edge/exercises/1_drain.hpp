// Exercise 3.1: mend the reader.
//
// It is called once for each edge, and an edge is told once. Make it leave nothing behind, neither
// bytes nor the end of the stream.
#pragma once

#include <sys/socket.h>

#include <string>

namespace tour {

// Adds what can be read to `text`. True: the stream has ended, and there will be no more.
inline bool on_readable(int fd, std::string& text) {
  char buffer[3];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
  return n == 0;
}

}  // namespace tour
