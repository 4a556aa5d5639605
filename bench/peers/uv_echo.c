// libuv's echo server: callbacks, a buffer a connection, uv_try_write before uv_write.
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BUFFER = 4096 };

typedef struct {
  uv_tcp_t stream;
  char buffer[BUFFER];
} connection;

typedef struct {
  uv_write_t request;
  char rest[BUFFER];
} late_write;

static void freed(uv_handle_t* h) { free(h); }
static void stop(uv_signal_t* s, int number) {
  (void)number;
  uv_stop(s->loop);
}

static void give_buffer(uv_handle_t* h, size_t suggested, uv_buf_t* to) {
  (void)suggested;
  *to = uv_buf_init(((connection*)h)->buffer, BUFFER);
}

static void written(uv_write_t* w, int status) {
  (void)status;
  free(w);
}

static void echo(uv_stream_t* s, ssize_t n, const uv_buf_t* from) {
  if (n < 0) {
    uv_close((uv_handle_t*)s, freed);
    return;
  }
  uv_buf_t bytes = uv_buf_init(from->base, (unsigned)n);
  int sent = uv_try_write(s, &bytes, 1);
  if (sent == n) return;
  if (sent < 0) sent = 0;
  late_write* late = malloc(sizeof *late);
  memcpy(late->rest, from->base + sent, (size_t)(n - sent));
  bytes = uv_buf_init(late->rest, (unsigned)(n - sent));
  uv_write(&late->request, s, &bytes, 1, written);
}

static void accepted(uv_stream_t* listener, int status) {
  if (status < 0) return;
  connection* c = malloc(sizeof *c);
  uv_tcp_init(listener->loop, &c->stream);
  if (uv_accept(listener, (uv_stream_t*)&c->stream)) {
    uv_close((uv_handle_t*)&c->stream, freed);
    return;
  }
  uv_tcp_nodelay(&c->stream, 1);
  uv_read_start((uv_stream_t*)&c->stream, give_buffer, echo);
}

int main(void) {
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  uv_signal_t ends;
  struct sockaddr_in name;
  int size = sizeof name;
  uv_ip4_addr("127.0.0.1", 0, &name);
  uv_tcp_init(loop, &listener);
  if (uv_tcp_bind(&listener, (const struct sockaddr*)&name, 0) ||
      uv_listen((uv_stream_t*)&listener, 4096, accepted))
    return 1;
  uv_tcp_getsockname(&listener, (struct sockaddr*)&name, &size);
  printf("{\"port\": %d}\n", ntohs(name.sin_port));
  fflush(stdout);
  uv_signal_init(loop, &ends);
  uv_signal_start(&ends, stop, SIGTERM);
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}
