// The load of short connections: opens them, sends a message on each and takes its echo, closes them,
// and begins again.
//
// usage: churn_load PORT CONNECTIONS BYTES SECONDS SERVER_PID
//
// CONNECTIONS are open at a time. Counts as echo_load does; a round trip is one connection's life.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1024, MOST_BYTES = 65536 };

static struct sockaddr_in to;
static unsigned long trips;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double read_clock(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t)) die("clock_gettime");
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run_batch(int connections, size_t size) {
  static int open[MOST];
  static char message[MOST_BYTES];
  for (int i = 0; i < connections; i++) {
    open[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (open[i] < 0 || connect(open[i], (struct sockaddr*)&to, sizeof to)) die("connect");
    if (send(open[i], message, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
  }
  for (int i = 0; i < connections; i++) {
    if (recv(open[i], message, size, MSG_WAITALL) != (ssize_t)size) die("recv");
    close(open[i]);
    trips++;
  }
}

static void run_until(double end, int connections, size_t size) {
  while (read_clock(CLOCK_MONOTONIC) < end) run_batch(connections, size);
}

int main(int count, char** arguments) {
  if (count != 6) {
    fprintf(stderr, "usage: churn_load PORT CONNECTIONS BYTES SECONDS SERVER_PID\n");
    return 2;
  }
  to.sin_family = AF_INET;
  to.sin_port = htons((unsigned short)atoi(arguments[1]));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connections = atoi(arguments[2]);
  const size_t size = (size_t)atol(arguments[3]);
  const double seconds = atof(arguments[4]);
  clockid_t server_cpu;
  if (connections < 1 || connections > MOST || size > MOST_BYTES) die("arguments");
  if (clock_getcpuclockid(atoi(arguments[5]), &server_cpu)) die("clock_getcpuclockid");

  run_until(read_clock(CLOCK_MONOTONIC) + seconds / 10, connections, size);
  const unsigned long before = trips;
  const double begun = read_clock(CLOCK_MONOTONIC);
  const double used = read_clock(server_cpu);
  run_until(begun + seconds, connections, size);
  printf("{\"round_trips\": %lu, \"seconds\": %.6f, \"server_cpu_s\": %.9f}\n", trips - before,
         read_clock(CLOCK_MONOTONIC) - begun, read_clock(server_cpu) - used);
  return 0;
}
