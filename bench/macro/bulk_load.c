// The receiver for every bulk server: asks for so many bytes and takes them.
//
// usage: bulk_load PORT BYTES SERVER_PID
//
// Prints the seconds it took and the server's CPU time in them.
#define _GNU_SOURCE
#include <stdint.h>

#include "load.h"

enum { BUFFER = 262144 };

int main(int count, char** arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: bulk_load PORT BYTES SERVER_PID\n");
    return 2;
  }
  const uint64_t bytes = strtoull(arguments[2], NULL, 10);
  const clockid_t server_cpu = clock_of(atoi(arguments[3]));
  const int fd = connect_to(atoi(arguments[1]));

  static char buffer[BUFFER];
  const double begun = read_clock(CLOCK_MONOTONIC);
  const double used = read_clock(server_cpu);
  if (send(fd, &bytes, sizeof bytes, MSG_NOSIGNAL) != sizeof bytes) die("send");
  uint64_t received = 0;
  for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) != 0; received += (uint64_t)n)
    if (n < 0) die("recv");
  if (received != bytes) {
    fprintf(stderr, "bulk_load: %lu of %lu bytes came\n", received, bytes);
    return 1;
  }
  printf("{\"bytes\": %lu, \"seconds\": %.6f, \"server_cpu_s\": %.9f}\n", received,
         read_clock(CLOCK_MONOTONIC) - begun, read_clock(server_cpu) - used);
  return 0;
}
