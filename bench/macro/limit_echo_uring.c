// The io_uring limit: multishot accept, multishot recv from a ring of provided buffers, and one
// enter a turn that hands over every send and waits.
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "limit.h"

enum { ENTRIES = 4096, COMPLETIONS = 16384 };
// Twice the connections, a message each. The ring goes round through all of its memory, and one
// that does not fit the caches (4,096 buffers of 4 KiB) costs a tenth more a round trip.
enum { BUFFERS = 1024, BUFFER = 1024 };
enum kind { ACCEPT = 1, RECV, SEND, CLOSE, STOP };

static struct io_uring ring;
static struct io_uring_buf_ring* buffer_ring;
static char* buffers;

static struct io_uring_sqe* entry(void) {
  struct io_uring_sqe* s;
  while (!(s = io_uring_get_sqe(&ring))) {
    system_calls++;
    io_uring_submit(&ring);
  }
  return s;
}

// What a completion is about, in its user data: kind, buffer and descriptor.
static void tag(struct io_uring_sqe* s, enum kind k, int fd, unsigned buffer) {
  s->user_data = (uint64_t)k << 56 | (uint64_t)buffer << 32 | (uint32_t)fd;
}

static void arm_accept(int listener) {
  struct io_uring_sqe* s = entry();
  io_uring_prep_multishot_accept(s, listener, NULL, NULL, 0);
  tag(s, ACCEPT, listener, 0);
}

static void arm_recv(int fd) {
  struct io_uring_sqe* s = entry();
  io_uring_prep_recv_multishot(s, fd, NULL, 0, 0);
  s->flags |= IOSQE_BUFFER_SELECT;
  s->buf_group = 0;
  tag(s, RECV, fd, 0);
}

static void start_send(int fd, unsigned buffer, size_t size) {
  struct io_uring_sqe* s = entry();
  io_uring_prep_send(s, fd, buffers + (size_t)buffer * BUFFER, size, MSG_WAITALL | MSG_NOSIGNAL);
  tag(s, SEND, fd, buffer);
}

static void start_close(int fd) {
  struct io_uring_sqe* s = entry();
  io_uring_prep_close(s, fd);
  tag(s, CLOSE, fd, 0);
}

static void give_back(unsigned buffer) {
  io_uring_buf_ring_add(buffer_ring, buffers + (size_t)buffer * BUFFER, BUFFER,
                        (unsigned short)buffer, io_uring_buf_ring_mask(BUFFERS), 0);
  io_uring_buf_ring_advance(buffer_ring, 1);
}

static void open_ring(void) {
  struct io_uring_params p = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
      .cq_entries = COMPLETIONS};
  errno = -io_uring_queue_init_params(ENTRIES, &ring, &p);
  if (errno) die("io_uring_queue_init_params");
  io_uring_register_ring_fd(&ring);
}

static void open_buffers(void) {
  buffer_ring = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                     MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  buffers = malloc((size_t)BUFFERS * BUFFER);
  if (buffer_ring == MAP_FAILED || !buffers) die("buffers");
  struct io_uring_buf_reg r = {
      .ring_addr = (uint64_t)(uintptr_t)buffer_ring, .ring_entries = BUFFERS, .bgid = 0};
  errno = -io_uring_register_buf_ring(&ring, &r, 0);
  if (errno) die("io_uring_register_buf_ring");
  io_uring_buf_ring_init(buffer_ring);
  for (unsigned i = 0; i < BUFFERS; i++) give_back(i);
}

static void accepted(int listener, const struct io_uring_cqe* c) {
  if (c->res >= 0) arm_recv(c->res);
  if (!(c->flags & IORING_CQE_F_MORE)) arm_accept(listener);
}

static void received(int fd, const struct io_uring_cqe* c) {
  if (c->res > 0) {
    start_send(fd, c->flags >> IORING_CQE_BUFFER_SHIFT, (size_t)c->res);
    if (!(c->flags & IORING_CQE_F_MORE)) arm_recv(fd);
  } else if (c->res == -ENOBUFS) {
    arm_recv(fd);
  } else {
    start_close(fd);
  }
}

int main(void) {
  const int stop = signal_descriptor();
  const int listener = listen_on_loopback(0);
  open_ring();
  open_buffers();
  arm_accept(listener);
  struct io_uring_sqe* s = entry();
  io_uring_prep_poll_add(s, stop, POLLIN);
  tag(s, STOP, stop, 0);

  for (;;) {
    system_calls++;
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe* c;
    unsigned head;
    unsigned n = 0;
    io_uring_for_each_cqe(&ring, head, c) {
      const int fd = (int)(uint32_t)c->user_data;
      n++;
      switch ((enum kind)(c->user_data >> 56)) {
        case ACCEPT: accepted(fd, c); break;
        case RECV: received(fd, c); break;
        case SEND:
          give_back(c->user_data >> 32 & 0xffff);
          round_trips++;
          break;
        case CLOSE: break;
        case STOP: report(); return 0;
      }
    }
    io_uring_cq_advance(&ring, n);
  }
}
