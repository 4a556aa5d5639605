// The load of short connections: opens them, sends a message on each and takes its echo, closes them,
// and begins again.
//
// usage: churn_load PORT CONNECTIONS BYTES SECONDS SERVER_PID
//
// CONNECTIONS are open at a time. Counts as echo_load does; a round trip is one connection's life.
#define _GNU_SOURCE
#include <unistd.h>

#include "load.h"

enum { MOST = 1024, MOST_BYTES = 65536 };

static int port;
static unsigned long trips;

static void run_batch(int connections, size_t size) {
  static int open[MOST];
  static char message[MOST_BYTES];
  for (int i = 0; i < connections; i++) {
    open[i] = connect_to(port);
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
  port = atoi(arguments[1]);
  const int connections = atoi(arguments[2]);
  const size_t size = (size_t)atol(arguments[3]);
  const double seconds = atof(arguments[4]);
  if (connections < 1 || connections > MOST || size > MOST_BYTES) die("arguments");
  const clockid_t server_cpu = clock_of(atoi(arguments[5]));

  run_until(read_clock(CLOCK_MONOTONIC) + seconds / 10, connections, size);
  const unsigned long before = trips;
  const double begun = read_clock(CLOCK_MONOTONIC);
  const double used = read_clock(server_cpu);
  run_until(begun + seconds, connections, size);
  printf("{\"round_trips\": %lu, \"seconds\": %.6f, \"server_cpu_s\": %.9f}\n", trips - before,
         read_clock(CLOCK_MONOTONIC) - begun, read_clock(server_cpu) - used);
  return 0;
}
