// Exercise 3.1: mend the reader. EAGAIN is the only proof that another edge will come. Any other
// error ends the stream too: there will be no more.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace tour {

inline bool on_readable(int fd, std::string& text) {
  for (;;) {
    char buffer[3];
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) return true;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace tour
