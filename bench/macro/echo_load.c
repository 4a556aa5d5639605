// The load for every echo server: connections that each send a message, wait for its echo, and send
// again.
//
// usage: echo_load PORT CONNECTIONS BYTES SECONDS SERVER_PID
#define _GNU_SOURCE
#include "round_trips.h"

static size_t size;
static char* message;
static size_t received[DESCRIPTORS];

static void send_message(int fd) {
  if (send(fd, message, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
  awaited++;
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

int main(int count, char** arguments) {
  if (count != 6) {
    fprintf(stderr, "usage: echo_load PORT CONNECTIONS BYTES SECONDS SERVER_PID\n");
    return 2;
  }
  const int connections = atoi(arguments[2]);
  size = (size_t)atol(arguments[3]);
  message = calloc(1, size);
  if (!message) die("calloc");
  open_epoll();
  for (int i = 0; i < connections; i++) {
    const int fd = connect_to(atoi(arguments[1]));
    watch(fd);
    send_message(fd);
  }
  return count_round_trips("echo_load", atof(arguments[4]), atoi(arguments[5]), take_echo);
}
