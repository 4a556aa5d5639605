// What the loads share: a socket to a server on loopback, clocks, the end with a message.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static inline void die(const char* what) {
  perror(what);
  exit(1);
}

static inline double read_clock(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t)) die("clock_gettime");
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// The CPU time of a process.
static inline clockid_t clock_of(int pid) {
  clockid_t id;
  if (clock_getcpuclockid(pid, &id)) die("clock_getcpuclockid");
  return id;
}

static inline int connect_to(int port) {
  const int one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}
