// A port that somebody listens on, and one that is taken but listened on by nobody.
#include "../../01_a_page_please/descriptor.hpp"
#include "../../01_a_page_please/page.hpp"
#include "../../stage/check.hpp"
#include "../../stage/port.hpp"

#include EXERCISE

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace {

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
  const tour::bound_port port;
  const int refused = verdict(port.number);
  tour::check(refused == ECONNREFUSED, "nobody listens on the port, and it says: %s",
              std::strerror(refused));
  listen(port.fd, 1);
  const int listened = verdict(port.number);
  tour::check(listened == 0, "somebody listens on the port, and it says: %s",
              std::strerror(listened));
  std::puts("a refused port is refused, and one that is listened on is not");
}
