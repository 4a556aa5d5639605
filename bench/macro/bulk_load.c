// The receiver for every bulk server: asks for so many bytes and takes them.
//
// usage: bulk_load PORT BYTES SERVER_PID
//
// Prints the seconds it took and the server's CPU time in them.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { BUFFER = 262144 };

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double read_clock(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t)) die("clock_gettime");
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int count, char** arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: bulk_load PORT BYTES SERVER_PID\n");
    return 2;
  }
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)atoi(arguments[1])),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const uint64_t bytes = strtoull(arguments[2], NULL, 10);
  clockid_t server_cpu;
  if (clock_getcpuclockid(atoi(arguments[3]), &server_cpu)) die("clock_getcpuclockid");
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to)) die("connect");

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
