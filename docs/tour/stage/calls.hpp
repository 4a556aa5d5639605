// Counts the system calls of a program that talks through sockets and epoll: it stands between the
// program and the C library, which does the call. (liburing makes its calls without the C library;
// ring.hpp counts those.)
//
//   long before = tour::calls;
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tour {
inline long calls = 0;
}

extern "C" inline ssize_t recv(int fd, void* to, std::size_t n, int flags) {
  ++tour::calls;
  return syscall(SYS_recvfrom, fd, to, n, flags, nullptr, nullptr);
}
extern "C" inline ssize_t send(int fd, const void* from, std::size_t n, int flags) {
  ++tour::calls;
  return syscall(SYS_sendto, fd, from, n, flags, nullptr, 0);
}
extern "C" inline int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
  ++tour::calls;
  return static_cast<int>(syscall(SYS_epoll_pwait, fd, events, most, timeout, nullptr, 0));
}
extern "C" inline int epoll_ctl(int fd, int what, int of, epoll_event* event) noexcept {
  ++tour::calls;
  return static_cast<int>(syscall(SYS_epoll_ctl, fd, what, of, event));
}
