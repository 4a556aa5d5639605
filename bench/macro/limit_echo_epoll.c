// The epoll limit: a level-triggered echo server on one thread. One wait brings many descriptors;
// each costs one recv and one send.
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "limit.h"

enum { EVENTS = 512, BUFFER = 65536 };

static void watch(int epoll, int fd) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  system_calls++;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
}

static void accept_all(int epoll, int listener) {
  int fd;
  while (system_calls++, (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) watch(epoll, fd);
}

static bool send_all(int fd, const char* bytes, ssize_t size) {
  for (ssize_t sent = 0; sent < size;) {
    system_calls++;
    const ssize_t n = send(fd, bytes + sent, (size_t)(size - sent), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return false;
    if (n > 0) sent += n;  // a full buffer is tried again: small messages never fill it
  }
  return true;
}

static void echo(int fd) {
  static char buffer[BUFFER];
  system_calls++;
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0 || !send_all(fd, buffer, n)) {
    system_calls++;
    close(fd);
    return;
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
    system_calls++;
    const int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(epoll, listener);
      } else if (fd == stop) {
        report();
        return 0;
      } else {
        echo(fd);
      }
    }
  }
}
