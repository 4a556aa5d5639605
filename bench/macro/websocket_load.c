// The load for every WebSocket echo server: connections that each have so many messages under way,
// and send the next when one has come back.
//
// usage: websocket_load PORT CONNECTIONS BYTES UNDER_WAY SECONDS SERVER_PID
//
// Checks the first byte of every frame that comes back.
#define _GNU_SOURCE
#include "round_trips.h"
#include "websocket.h"

static size_t frame_size, echo_size;  // with their heads
static unsigned char* frames;         // as many as are under way
static size_t under_way;
static size_t received[DESCRIPTORS];  // of the frame that is coming

static void make_frames(size_t size) {
  unsigned char head[LONGEST_HEAD];
  echo_size = write_head(head, BINARY, size, 0) + size;
  const size_t head_size = write_head(head, BINARY, size, MASKED);
  frame_size = head_size + size;
  frames = malloc(under_way * frame_size);
  if (!frames) die("malloc");
  for (size_t f = 0; f < under_way; f++) {
    unsigned char* at = frames + f * frame_size;
    memcpy(at, head, head_size);
    for (size_t i = 0; i < size; i++) at[head_size + i] = mask_key[i % sizeof mask_key];
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

int main(int count, char** arguments) {
  if (count != 7) {
    fprintf(stderr, "usage: websocket_load PORT CONNECTIONS BYTES UNDER_WAY SECONDS SERVER_PID\n");
    return 2;
  }
  const int connections = atoi(arguments[2]);
  under_way = (size_t)atol(arguments[4]);
  make_frames((size_t)atol(arguments[3]));
  open_epoll();
  for (int i = 0; i < connections; i++) {
    const int fd = connect_to(atoi(arguments[1]));
    open_websocket(fd);
    watch(fd);
    send_frames(fd, under_way);
  }
  return count_round_trips("websocket_load", atof(arguments[5]), atoi(arguments[6]), take_echoes);
}
