// The load for every WebSocket echo server: connections that each have so many messages under way,
// and send the next when one has come back.
//
// usage: websocket_load PORT CONNECTIONS BYTES UNDER_WAY SECONDS SERVER_PID
//
// Opens "/" on each, without extensions, and checks the first byte of every frame that comes back.
// Otherwise as echo_load: a tenth of the time to warm up, then round trips and the server's CPU time.
// A frame's mask is always the same: the server cannot tell, and it costs this program nothing.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, DESCRIPTORS = 65536, LONGEST_ECHO_S = 5, BINARY = 0x82, MASKED = 0x80 };

static int epoll;
static size_t frame_size, echo_size;  // with their heads
static unsigned char* frames;         // as many as are under way
static size_t under_way;
static size_t received[DESCRIPTORS];  // of the frame that is coming
static unsigned long trips;
static unsigned long awaited;
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

// RFC 6455, section 5.2; returns the head's size.
static size_t write_head(unsigned char* to, size_t size, unsigned char mask_bit) {
  to[0] = BINARY;
  if (size < 126) {
    to[1] = (unsigned char)(mask_bit | size);
    return 2;
  }
  const int bytes = size < 65536 ? 2 : 8;
  to[1] = (unsigned char)(mask_bit | (bytes == 2 ? 126 : 127));
  for (int i = 0; i < bytes; i++)
    to[2 + i] = (unsigned char)((unsigned long long)size >> (8 * (bytes - 1 - i)));
  return (size_t)(2 + bytes);
}

static void make_frames(size_t size) {
  unsigned char head[14];
  echo_size = write_head(head, size, 0) + size;
  const size_t head_size = write_head(head, size, MASKED);
  static const unsigned char key[4] = {0x37, 0xfa, 0x21, 0x3d};
  frame_size = head_size + sizeof key + size;
  frames = malloc(under_way * frame_size);
  if (!frames) die("malloc");
  for (size_t f = 0; f < under_way; f++) {
    unsigned char* at = frames + f * frame_size;
    memcpy(at, head, head_size);
    memcpy(at + head_size, key, sizeof key);
    for (size_t i = 0; i < size; i++) at[head_size + sizeof key + i] = key[i % sizeof key];
  }
}

static void send_frames(int fd, size_t n) {
  const unsigned char* at = frames;
  for (size_t left = n * frame_size; left > 0;) {
    const ssize_t sent = send(fd, at, left, MSG_NOSIGNAL);
    if (sent <= 0) die("send");
    at += sent;
    left -= (size_t)sent;
  }
  awaited += n;
}

static void open_websocket(int fd) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  char answer[4096];
  size_t have = 0;
  if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1) die("send");
  while (have < 4 || memcmp(answer + have - 4, "\r\n\r\n", 4) != 0) {
    if (have == sizeof answer || recv(fd, answer + have, 1, 0) != 1) die("recv of the answer");
    have++;
  }
  if (memcmp(answer, "HTTP/1.1 101", 12) != 0) {
    fprintf(stderr, "websocket_load: it answered %.*s\n", 40, answer);
    exit(1);
  }
}

static int connect_to(int port) {
  const int one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  open_websocket(fd);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
  return fd;
}

static void take_echoes(int fd) {
  static unsigned char buffer[256 * 1024];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0) die("recv");
  size_t done = 0;
  for (size_t at = 0; at < (size_t)n;) {
    if (received[fd] == 0 && buffer[at] != BINARY) {
      fprintf(stderr, "websocket_load: a frame begins with %02x\n", buffer[at]);
      exit(1);
    }
    const size_t left = echo_size - received[fd], there = (size_t)n - at;
    const size_t taken = left < there ? left : there;
    at += taken;
    received[fd] += taken;
    if (received[fd] < echo_size) break;
    received[fd] = 0;
    done++;
  }
  awaited -= done;
  trips += done;
  if (sending && done > 0) send_frames(fd, done);
}

static void serve_events(void) {
  struct epoll_event events[EVENTS];
  const int n = epoll_wait(epoll, events, EVENTS, 100);
  for (int i = 0; i < n; i++) take_echoes(events[i].data.fd);
}

static void run_until(double end) {
  while (read_clock(CLOCK_MONOTONIC) < end) serve_events();
}

int main(int count, char** arguments) {
  if (count != 7) {
    fprintf(stderr, "usage: websocket_load PORT CONNECTIONS BYTES UNDER_WAY SECONDS SERVER_PID\n");
    return 2;
  }
  const int port = atoi(arguments[1]);
  const int connections = atoi(arguments[2]);
  under_way = (size_t)atol(arguments[4]);
  const double seconds = atof(arguments[5]);
  clockid_t server_cpu;
  if (clock_getcpuclockid(atoi(arguments[6]), &server_cpu)) die("clock_getcpuclockid");
  make_frames((size_t)atol(arguments[3]));
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");

  for (int i = 0; i < connections; i++) send_frames(connect_to(port), under_way);
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

  sending = false;
  while (awaited > 0 && read_clock(CLOCK_MONOTONIC) < end + LONGEST_ECHO_S) serve_events();
  if (awaited > 0 || counted == 0) {
    fprintf(stderr, "websocket_load: %lu echoes did not come\n", awaited);
    return 1;
  }
  printf(
      "{\"round_trips\": %lu, \"seconds\": %.6f, \"server_cpu_s\": %.9f, \"load_cpu_s\": %.9f}\n",
      counted, end - begin, server_used, own_used);
}
