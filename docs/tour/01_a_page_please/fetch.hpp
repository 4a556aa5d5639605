// Fetches one page, and waits for it wherever there is something to wait for.
#pragma once

#include "descriptor.hpp"
#include "page.hpp"

#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tour {

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

// begin fetch
inline page fetch(unsigned short port, const std::string& path) {
  const descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in at = loopback(port);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    fail("connect");

  const std::string request = request_for(path);
  if (send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) fail("send");

  std::string text;
  int reads = 0;
  for (;;) {
    char buffer[4096];
    const ssize_t n = recv(socket.get(), buffer, sizeof buffer, 0);
    if (n < 0) fail("recv");
    ++reads;
    if (n == 0) return read_page(text, reads);  // the other side has closed: that was all
    text.append(buffer, static_cast<std::size_t>(n));
  }
}
// end fetch

}  // namespace tour
