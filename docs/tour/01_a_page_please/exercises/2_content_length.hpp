// Exercise 1.2: stop where the page ends.
//
// A server need not close the connection after a page: it may keep it for the next one. Then there
// is no end of the stream to wait for, and the head says how long the body is: `Content-Length: 5`.
// Make this stop there.
#pragma once

#include <sys/socket.h>

#include <string>

namespace tour {

// Reads one page. True: `body` is all of its body and nothing else. False: the stream ended in the
// middle.
inline bool read_body(int fd, std::string& body) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0) return false;
    if (n == 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  body = text.substr(head + 4);
  return true;
}

}  // namespace tour
