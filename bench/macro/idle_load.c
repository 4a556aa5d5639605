// Connections that do nothing: what they cost the server.
//
// usage: idle_load PORT CONNECTIONS SECONDS SERVER_PID [websocket]
//
// Opens them, has a message echoed on each, leaves them alone for SECONDS, has one echoed again, and
// prints the growth of the server's own memory (RssAnon of proc(5): not what the kernel holds for a
// socket) and the CPU time it used while all were idle.
#define _GNU_SOURCE
#include <stdbool.h>
#include <unistd.h>

#include "websocket.h"

static int* sockets;
static int connections;
// A message, and what comes back: of a byte, or of a frame with one.
static unsigned char message[LONGEST_HEAD + 1];
static size_t message_size = 1, echo_size = 1;

static long resident_kib(int pid) {
  char path[64];
  char line[256];
  long kib = -1;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE* f = fopen(path, "r");
  if (!f) die(path);
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "RssAnon: %ld kB", &kib) == 1) break;
  fclose(f);
  return kib;
}

static void echo_on_all(void) {
  unsigned char echo[sizeof message];
  for (int i = 0; i < connections; i++)
    if (send(sockets[i], message, message_size, MSG_NOSIGNAL) != (ssize_t)message_size) die("send");
  for (int i = 0; i < connections; i++)
    if (recv(sockets[i], echo, echo_size, MSG_WAITALL) != (ssize_t)echo_size) die("recv");
}

int main(int count, char** arguments) {
  const bool speaks_websocket = count == 6 && strcmp(arguments[5], "websocket") == 0;
  if (count != 5 && !speaks_websocket) {
    fprintf(stderr, "usage: idle_load PORT CONNECTIONS SECONDS SERVER_PID [websocket]\n");
    return 2;
  }
  connections = atoi(arguments[2]);
  const int seconds = atoi(arguments[3]);
  const int server = atoi(arguments[4]);
  const clockid_t server_cpu = clock_of(server);
  sockets = calloc((size_t)connections, sizeof *sockets);
  if (!sockets) die("calloc");
  if (speaks_websocket) {
    echo_size = write_head(message, BINARY, 1, 0) + 1;
    message_size = write_head(message, BINARY, 1, MASKED) + 1;
  }

  const long before_kib = resident_kib(server);
  for (int i = 0; i < connections; i++) {
    sockets[i] = connect_to(atoi(arguments[1]));
    if (speaks_websocket) open_websocket(sockets[i]);
  }
  echo_on_all();
  sleep(1);  // what the last echo left to do
  const long idle_kib = resident_kib(server);
  const double cpu_before = read_clock(server_cpu);
  sleep((unsigned)seconds);
  const double cpu = read_clock(server_cpu) - cpu_before;
  echo_on_all();
  printf("{\"resident_bytes_a_connection\": %.1f, \"idle_cpu_s\": %.6f, \"idle_s\": %d}\n",
         (double)(idle_kib - before_kib) * 1024 / connections, cpu, seconds);
}
