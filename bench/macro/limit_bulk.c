// The bulk limit: sends to each connection as many bytes as it asks for, in writes of 64 KiB, with blocking
// calls. The request is the number of bytes, eight bytes in the machine's order; then the end of the stream.
#define _GNU_SOURCE
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "limit.h"

enum { PIECE = 65536 };

static char piece[PIECE];

static void serve(int fd) {
  uint64_t left = 0;
  if (recv(fd, &left, sizeof left, MSG_WAITALL) == sizeof left) {
    while (left > 0) {
      system_calls++;
      const ssize_t n = send(fd, piece, left < PIECE ? left : PIECE, MSG_NOSIGNAL);
      if (n <= 0) break;
      left -= (uint64_t)n;
    }
  }
  round_trips++;
  close(fd);
}

int main(void) {
  const int stop = signal_descriptor();
  const int listener = listen_on_loopback(0);
  struct pollfd either[] = {{.fd = stop, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
  for (;;) {
    if (poll(either, 2, -1) < 0) die("poll");
    if (either[0].revents) {
      report();
      return 0;
    }
    const int fd = accept(listener, NULL, NULL);
    if (fd >= 0) serve(fd);
  }
}
