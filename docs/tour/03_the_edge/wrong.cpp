// Wrong: exits with 1 and says "told once: 3 bytes were read, and 3 are forgotten".
//
// A reader that was written for level-triggered events, and EPOLLET added "to make it quicker". It
// reads once for each event, since it will be told again if there is more. It will not.
#include "poller.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <string>

// begin wrong
void on_readable(int fd, std::string& text) {
  char buffer[3];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
}
// end wrong

int main() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 2;
  tour::poller poller;
  poller.add(ends[0], EPOLLIN | EPOLLET, 0);
  if (write(ends[1], "abcdef", 6) != 6) return 2;
  std::string text;
  while (poller.wait(0) > 0) on_readable(ends[0], text);
  int left = 0;
  ioctl(ends[0], FIONREAD, &left);
  std::printf("told once: %zu bytes were read, and %d are forgotten\n", text.size(), left);
  return left == 0 ? 0 : 1;
}
