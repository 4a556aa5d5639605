// A WebSocket's side of a load, without extensions: the handshake, and the heads of frames (RFC 6455).
#pragma once

#include <string.h>

#include "load.h"

enum { TEXT = 0x81, BINARY = 0x82, MASKED = 0x80, LONGEST_HEAD = 14 };

// The mask of every frame: the server cannot tell, and it costs a load nothing.
static const unsigned char mask_key[4] = {0x37, 0xfa, 0x21, 0x3d};

// Of a frame with `size` bytes, and with the mask's key when it is MASKED. Returns the head's size.
static inline size_t write_head(unsigned char* to, unsigned char kind, size_t size, unsigned char mask_bit) {
  const int bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  size_t at = 2;
  to[0] = kind;
  to[1] = (unsigned char)(mask_bit | (bytes == 0 ? size : bytes == 2 ? 126 : 127));
  for (int i = 0; i < bytes; i++) to[at++] = (unsigned char)((unsigned long long)size >> (8 * (bytes - 1 - i)));
  if (mask_bit == MASKED) {
    memcpy(to + at, mask_key, sizeof mask_key);
    at += sizeof mask_key;
  }
  return at;
}

// Asks for "/" on a socket that is connected, and takes the answer.
static inline void open_websocket(int fd) {
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
    fprintf(stderr, "no WebSocket: it answered %.*s\n", 40, answer);
    exit(1);
  }
}
