// The load for servers that send what one client says to all: each message from the first
// connection comes to every one, and then the next is sent.
//
// usage: fan_load PORT CONNECTIONS BYTES SECONDS SERVER_PID raw|websocket
//
// raw: frames go without a handshake (limit_fan.c). Prints how many messages came to a connection
// and the server's CPU time for them.
#define _GNU_SOURCE
#include "round_trips.h"
#include "websocket.h"

static int speaker;
static int listeners;
static unsigned char* frame;
static size_t frame_size, heard_size;  // with their heads
static size_t received[DESCRIPTORS];   // of the frame that is coming

static void say(void) {
  if (send(speaker, frame, frame_size, MSG_NOSIGNAL) != (ssize_t)frame_size) die("send");
  awaited += (unsigned long)listeners;
}

static void take_message(int fd) {
  static unsigned char buffer[65536];
  const ssize_t n = recv(fd, buffer, heard_size - received[fd], 0);
  if (n <= 0) die("recv");
  if (received[fd] == 0 && buffer[0] != TEXT) {
    fprintf(stderr, "fan_load: a frame begins with %02x\n", buffer[0]);
    exit(1);
  }
  received[fd] += (size_t)n;
  if (received[fd] < heard_size) return;
  received[fd] = 0;
  trips++;
  if (--awaited == 0 && sending) say();
}

int main(int count, char** arguments) {
  if (count != 7) {
    fprintf(stderr, "usage: fan_load PORT CONNECTIONS BYTES SECONDS SERVER_PID raw|websocket\n");
    return 2;
  }
  listeners = atoi(arguments[2]);
  const size_t size = (size_t)atol(arguments[3]);
  frame = calloc(1, LONGEST_HEAD + size);
  if (!frame || size > 60000) die("the size of a message");
  heard_size = write_head(frame, TEXT, size, 0) + size;
  const size_t head_size = write_head(frame, TEXT, size, MASKED);
  frame_size = head_size + size;
  for (size_t i = 0; i < size; i++) frame[head_size + i] = 'x' ^ mask_key[i % sizeof mask_key];

  open_epoll();
  for (int i = 0; i < listeners; i++) {
    const int fd = connect_to(atoi(arguments[1]));
    if (strcmp(arguments[6], "websocket") == 0) open_websocket(fd);
    watch(fd);
    speaker = fd;
  }
  say();
  return count_round_trips("fan_load", atof(arguments[4]), atoi(arguments[5]), take_message);
}
