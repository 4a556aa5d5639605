// The limit of a broadcast: what one client says, in a masked frame of a WebSocket, is framed once
// and written to all, with a bare send each. There is no handshake.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "limit.h"
#include "websocket.h"

enum { EVENTS = 512, MOST = 65536, BUFFER = 65536 };

static int listeners[MOST];
static int count;

static void watch(int epoll, int fd) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
}

static void accept_all(int epoll, int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    watch(epoll, fd);
    listeners[count++] = fd;
    if (count == MOST) die("too many listeners");
  }
}

// A whole frame comes at once: it is small.
static void tell_all(int fd) {
  static unsigned char buffer[BUFFER], frame[BUFFER + LONGEST_HEAD];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    for (int i = 0; i < count; i++)
      if (listeners[i] == fd) listeners[i] = listeners[--count];
    close(fd);
    return;
  }
  const size_t head = buffer[1] == (MASKED | 126) ? 8 : 6;
  const size_t size = (size_t)n - head;
  const size_t begin = write_head(frame, TEXT, size, 0);
  for (size_t i = 0; i < size; i++) frame[begin + i] = buffer[head + i] ^ buffer[head - 4 + i % 4];
  for (int i = 0; i < count; i++) {
    system_calls++;
    if (send(listeners[i], frame, begin + size, MSG_NOSIGNAL) != (ssize_t)(begin + size)) die("send");
  }
  round_trips++;
}

int main(void) {
  const int stop = signal_descriptor();
  const int listener = listen_on_loopback(SOCK_NONBLOCK);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  watch(epoll, stop);
  struct epoll_event events[EVENTS];
  for (;;) {
    const int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(epoll, listener);
      } else if (fd == stop) {
        report();
        return 0;
      } else {
        tell_all(fd);
      }
    }
  }
}
