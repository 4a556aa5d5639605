// The load for every echo server: connections that each send a message, wait for its echo, and send
// again.
//
// usage: echo_load PORT CONNECTIONS BYTES SECONDS SERVER_PID
//
// Runs a tenth of the time to warm up, then counts round trips and the server's CPU time over
// SECONDS, and prints both. The server's clock is read here, at the two ends of the same window.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, DESCRIPTORS = 65536, LONGEST_ECHO_S = 5 };

static int epoll;
static size_t size;
static char* message;
static size_t received[DESCRIPTORS];
static unsigned long trips;
static unsigned long awaited;  // echoes that are under way
static bool sending = true;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double read_clock(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t)) die("clock_gettime");
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void send_message(int fd) {
  if (send(fd, message, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
  awaited++;
}

static int connect_to(int port) {
  const int one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
  return fd;
}

static void take_echo(int fd) {
  static char buffer[65536];
  const size_t left = size - received[fd];
  const ssize_t n = recv(fd, buffer, left < sizeof buffer ? left : sizeof buffer, 0);
  if (n <= 0) die("recv");
  received[fd] += (size_t)n;
  if (received[fd] < size) return;
  received[fd] = 0;
  awaited--;
  trips++;
  if (sending) send_message(fd);
}

static void serve_events(void) {
  struct epoll_event events[EVENTS];
  const int n = epoll_wait(epoll, events, EVENTS, 100);
  for (int i = 0; i < n; i++) take_echo(events[i].data.fd);
}

static void run_until(double end) {
  while (read_clock(CLOCK_MONOTONIC) < end) serve_events();
}

int main(int count, char** arguments) {
  if (count != 6) {
    fprintf(stderr, "usage: echo_load PORT CONNECTIONS BYTES SECONDS SERVER_PID\n");
    return 2;
  }
  const int port = atoi(arguments[1]);
  const int connections = atoi(arguments[2]);
  size = (size_t)atol(arguments[3]);
  const double seconds = atof(arguments[4]);
  clockid_t server_cpu;
  if (clock_getcpuclockid(atoi(arguments[5]), &server_cpu)) die("clock_getcpuclockid");
  message = calloc(1, size);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!message || epoll < 0) die("epoll_create1");

  for (int i = 0; i < connections; i++) send_message(connect_to(port));
  run_until(read_clock(CLOCK_MONOTONIC) + seconds / 10);

  const unsigned long trips_before = trips;
  const double begin = read_clock(CLOCK_MONOTONIC);
  const double server_before = read_clock(server_cpu);
  const double own_before = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  run_until(begin + seconds);
  const double end = read_clock(CLOCK_MONOTONIC);
  const double server_used = read_clock(server_cpu) - server_before;
  const double own_used = read_clock(CLOCK_PROCESS_CPUTIME_ID) - own_before;
  const unsigned long counted = trips - trips_before;

  // What is under way comes home, so that the connections end in order.
  sending = false;
  while (awaited > 0 && read_clock(CLOCK_MONOTONIC) < end + LONGEST_ECHO_S) serve_events();
  if (awaited > 0 || counted == 0) {
    fprintf(stderr, "echo_load: %lu echoes did not come\n", awaited);
    return 1;
  }
  printf(
      "{\"round_trips\": %lu, \"seconds\": %.6f, \"server_cpu_s\": %.9f, \"load_cpu_s\": %.9f}\n",
      counted, end - begin, server_used, own_used);
}
