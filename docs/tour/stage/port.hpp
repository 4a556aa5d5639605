// A port that is taken, and that nobody listens on: who connects to it is refused.
//
//   const bound_port nobody;
//   fetch(nobody.number, "/1000");   // ECONNREFUSED
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace tour {

struct bound_port {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unsigned short number = 0;

  bound_port() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    const auto name = reinterpret_cast<sockaddr*>(&at);
    if (bind(fd, name, size) != 0 || getsockname(fd, name, &size) != 0) std::abort();
    number = ntohs(at.sin_port);
  }
  bound_port(const bound_port&) = delete;
  bound_port& operator=(const bound_port&) = delete;
  ~bound_port() { close(fd); }
};

}  // namespace tour
