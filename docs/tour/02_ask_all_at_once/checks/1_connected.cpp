// A port that somebody listens on, and one that is taken but listened on by nobody.
#include "../../01_a_page_please/descriptor.hpp"
#include "../../01_a_page_please/page.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace {

tour::descriptor bound(unsigned short& port) {
  tour::descriptor s(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at = tour::loopback(0);
  socklen_t size = sizeof at;
  const auto name = reinterpret_cast<sockaddr*>(&at);
  tour::check(bind(s.get(), name, size) == 0, "no port could be had");
  getsockname(s.get(), name, &size);
  port = ntohs(at.sin_port);
  return s;
}

int verdict(unsigned short port) {
  const tour::descriptor s(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const sockaddr_in at = tour::loopback(port);
  const int r = connect(s.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  tour::check(r != 0 && errno == EINPROGRESS, "the connection was not under way");
  pollfd writable{s.get(), POLLOUT, 0};
  poll(&writable, 1, -1);
  tour::check(writable.revents & POLLOUT, "the socket cannot be written");
  return tour::connected(s.get());
}

}  // namespace

int main() {
  unsigned short port = 0;
  const tour::descriptor listener = bound(port);
  const int refused = verdict(port);
  tour::check(refused == ECONNREFUSED, "nobody listens on the port, and it says: %s",
              std::strerror(refused));
  listen(listener.get(), 1);
  const int listened = verdict(port);
  tour::check(listened == 0, "somebody listens on the port, and it says: %s",
              std::strerror(listened));
  std::puts("a refused port is refused, and one that is listened on is not");
}
