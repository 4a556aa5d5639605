// Exercise 1.1: send everything. A signal that came before the first byte is no error either.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

namespace tour {

inline bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace tour
