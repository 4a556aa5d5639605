// Exercise 2.1: report a refused port. The error waits in the socket until somebody takes it.
#pragma once

#include <sys/socket.h>

#include <cerrno>

namespace tour {

inline int connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace tour
