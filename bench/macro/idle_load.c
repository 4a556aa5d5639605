// Connections that do nothing: what they cost the server.
//
// usage: idle_load PORT CONNECTIONS SECONDS SERVER_PID
//
// Opens them, has one message echoed on each, leaves them alone for SECONDS, has one echoed again, and prints
// the growth of the server's own memory (RssAnon of proc(5): not what the kernel holds for a socket) and the
// CPU time it used while all were idle.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int* sockets;
static int connections;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double read_clock(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t)) die("clock_gettime");
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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

static void connect_all(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < connections; i++) {
    sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (sockets[i] < 0 || connect(sockets[i], (struct sockaddr*)&to, sizeof to)) die("connect");
  }
}

static void echo_on_all(void) {
  char c = 'e';
  for (int i = 0; i < connections; i++)
    if (send(sockets[i], &c, 1, MSG_NOSIGNAL) != 1) die("send");
  for (int i = 0; i < connections; i++)
    if (recv(sockets[i], &c, 1, 0) != 1) die("recv");
}

int main(int count, char** arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: idle_load PORT CONNECTIONS SECONDS SERVER_PID\n");
    return 2;
  }
  connections = atoi(arguments[2]);
  const int seconds = atoi(arguments[3]);
  const int server = atoi(arguments[4]);
  clockid_t server_cpu;
  if (clock_getcpuclockid(server, &server_cpu)) die("clock_getcpuclockid");
  sockets = calloc((size_t)connections, sizeof *sockets);
  if (!sockets) die("calloc");

  const long before_kib = resident_kib(server);
  connect_all(atoi(arguments[1]));
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
