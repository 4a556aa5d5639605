// What echo_load and websocket_load share: connections that each wait for an echo, and the window in
// which those that come are counted.
#pragma once

#include <stdbool.h>
#include <sys/epoll.h>

#include "load.h"

enum { EVENTS = 512, DESCRIPTORS = 65536, LONGEST_ECHO_S = 5 };

static int epoll;
static unsigned long trips;
static unsigned long awaited;  // echoes that are under way
static bool sending = true;

static void open_epoll(void) {
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");
}

static void watch(int fd) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
}

static void serve_events(void (*take)(int fd)) {
  struct epoll_event events[EVENTS];
  const int n = epoll_wait(epoll, events, EVENTS, 100);
  for (int i = 0; i < n; i++) take(events[i].data.fd);
}

static void run_until(double end, void (*take)(int fd)) {
  while (read_clock(CLOCK_MONOTONIC) < end) serve_events(take);
}

// Runs a tenth of the time to warm up, then counts round trips and the server's CPU time, which is read here, at
// the two ends of the same window, and prints both. Returns the program's exit code.
static int count_round_trips(const char* program, double seconds, int server_pid, void (*take)(int fd)) {
  const clockid_t server_cpu = clock_of(server_pid);
  run_until(read_clock(CLOCK_MONOTONIC) + seconds / 10, take);

  const unsigned long trips_before = trips;
  const double begin = read_clock(CLOCK_MONOTONIC);
  const double server_before = read_clock(server_cpu);
  const double own_before = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  run_until(begin + seconds, take);
  const double end = read_clock(CLOCK_MONOTONIC);
  const double server_used = read_clock(server_cpu) - server_before;
  const double own_used = read_clock(CLOCK_PROCESS_CPUTIME_ID) - own_before;
  const unsigned long counted = trips - trips_before;

  // What is under way comes home, so that the connections end in order.
  sending = false;
  while (awaited > 0 && read_clock(CLOCK_MONOTONIC) < end + LONGEST_ECHO_S) serve_events(take);
  if (awaited > 0 || counted == 0) {
    fprintf(stderr, "%s: %lu echoes did not come\n", program, awaited);
    return 1;
  }
  printf("{\"round_trips\": %lu, \"seconds\": %.6f, \"server_cpu_s\": %.9f, \"load_cpu_s\": %.9f}\n", counted,
         end - begin, server_used, own_used);
  return 0;
}
