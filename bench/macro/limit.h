// What the limit programs share: the listening socket, the end by SIGTERM, the report.
//
// A limit program is a server in plain C that does nothing but the system calls: what the
// kernel takes is the floor that a runtime is measured against. Like every server here it prints
// {"port": N} when it listens, and what it has done when SIGTERM ends it.
#pragma once

#include <signal.h>
#include <sys/signalfd.h>

#include "load.h"

static unsigned long system_calls;
static unsigned long round_trips;

static int listen_on_loopback(int socket_flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | socket_flags, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  const int one = 1;
  if (fd < 0) die("socket");
  // Inherited by what it accepts.
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) die("setsockopt");
  if (bind(fd, (struct sockaddr*)&name, sizeof name) || listen(fd, 4096)) die("listen");
  if (getsockname(fd, (struct sockaddr*)&name, &size)) die("getsockname");
  printf("{\"port\": %d}\n", ntohs(name.sin_port));
  fflush(stdout);
  return fd;
}

// Readable when SIGTERM or SIGINT has come.
static int signal_descriptor(void) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  const int fd = signalfd(-1, &ends, SFD_CLOEXEC);
  if (fd < 0) die("signalfd");
  return fd;
}

static void report(void) {
  printf("{\"round_trips\": %lu, \"system_calls\": %lu}\n", round_trips, system_calls);
}
