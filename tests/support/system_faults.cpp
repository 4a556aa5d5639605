// These definitions stand before the C library's and liburing's.
#include "support/system_faults.hpp"

#ifndef RONDO_TEST_NO_SYSTEM_FAULTS

#include <dlfcn.h>
#include <liburing.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <limits>

namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

struct plan {
  std::uint64_t left = never;  // calls before the one that fails
  unsigned variant = 0;
  const char* call = nullptr;  // what has failed
  int error = 0;
};
constinit thread_local plan the_plan;

// 0, or the errno with which this call is to fail.
int fault_of(const char* call, std::initializer_list<int> errors) {
  if (the_plan.left == never || the_plan.left-- > 0) return 0;
  the_plan.left = never;
  the_plan.call = call;
  the_plan.error = errors.begin()[the_plan.variant % errors.size()];
  return the_plan.error;
}

// Where a connection is said to be over, it is: the peer is told so, and later calls hear of it.
void end_connection(int fd, int error) {
  if (error == EPIPE || error == ECONNRESET || error == ETIMEDOUT)
    syscall(SYS_shutdown, fd, SHUT_RDWR);
}

// Makes `call`, unless it is to fail.
template <class Call>
auto unless_fault(const char* name, std::initializer_list<int> errors, Call call) {
  if (const int e = fault_of(name, errors)) {
    errno = e;
    return static_cast<decltype(call())>(-1);
  }
  return call();
}

// The same of a connected socket.
template <class Call>
auto unless_fault_of(int fd, const char* name, std::initializer_list<int> errors, Call call) {
  if (const int e = fault_of(name, errors)) {
    end_connection(fd, e);
    errno = e;
    return static_cast<decltype(call())>(-1);
  }
  return call();
}

// Linux's io_uring.h has had it since 6.10: a no-op that completes with what `len` says.
constexpr unsigned inject_result = 1;

// 0, or the errno with which an operation handed to the ring is to fail.
int fault_of_operation(std::uint8_t opcode) {
  switch (opcode) {
    case IORING_OP_ACCEPT: return fault_of("accept in the ring", {ECONNABORTED, EMFILE, ENOMEM});
    case IORING_OP_CONNECT:
      return fault_of("connect in the ring", {ECONNREFUSED, ENETUNREACH, ETIMEDOUT});
    case IORING_OP_RECV:
      return fault_of("recv in the ring", {ECONNRESET, ENOMEM, ETIMEDOUT, ENOBUFS});
    case IORING_OP_SEND:
      return fault_of("send in the ring", {EPIPE, ENOBUFS, ECONNRESET, ETIMEDOUT});
    case IORING_OP_SENDMSG: return fault_of("sendmsg in the ring", {EPIPE, ENOBUFS, ECONNRESET});
    case IORING_OP_RECVMSG: return fault_of("recvmsg in the ring", {ECONNRESET, ENOMEM});
    case IORING_OP_POLL_ADD: return fault_of("poll in the ring", {ENOMEM});
    case IORING_OP_READ: return fault_of("read in the ring", {ENOMEM, EINTR});
    // It was not found, or could not be stopped.
    case IORING_OP_ASYNC_CANCEL: return fault_of("cancel in the ring", {ENOENT, EALREADY, ENOMEM});
    default: return 0;
  }
}

void fault_among_entries(io_uring* ring) {
  if (the_plan.left == never || !rondo_test::operations_can_fail()) return;
  for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; ++at) {
    io_uring_sqe& entry = ring->sq.sqes[at & *ring->sq.kring_mask];
    const int e = fault_of_operation(entry.opcode);
    if (e == 0) continue;
    const bool transfer = entry.opcode == IORING_OP_RECV || entry.opcode == IORING_OP_SEND ||
                          entry.opcode == IORING_OP_RECVMSG || entry.opcode == IORING_OP_SENDMSG;
    if (transfer) end_connection(entry.fd, e);
    const std::uint64_t data = entry.user_data;
    std::memset(&entry, 0, sizeof entry);
    entry.opcode = IORING_OP_NOP;
    entry.fd = -1;
    entry.rw_flags = inject_result;
    entry.len = static_cast<unsigned>(-e);
    entry.user_data = data;
    return;
  }
}

// The function of that name that these stand before.
template <class Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool kernel_injects_results() {
  io_uring ring{};
  if (io_uring_queue_init(2, &ring, 0) != 0) return false;
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  io_uring_prep_nop(entry);
  entry->rw_flags = inject_result;
  entry->len = static_cast<unsigned>(-EDOM);
  io_uring_cqe* done = nullptr;
  const bool came = io_uring_submit(&ring) == 1 && io_uring_wait_cqe(&ring, &done) == 0;
  const bool injected = came && done->res == -EDOM;
  io_uring_queue_exit(&ring);
  return injected;
}

}  // namespace

namespace rondo_test {

void fail_system_call(std::uint64_t n, unsigned variant) {
  (void)operations_can_fail();  // asked before anything counts
  the_plan = {.left = n, .variant = variant};
}

std::string failed_system_call() {
  const plan p = the_plan;
  the_plan = {};
  return p.call ? std::string(p.call) + ": " + std::strerror(p.error) : std::string();
}

bool operations_can_fail() {
  static const bool can = kernel_injects_results();
  return can;
}

}  // namespace rondo_test

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  return unless_fault("socket", {EMFILE, ENOBUFS}, [&] {
    return static_cast<int>(syscall(SYS_socket, domain, type, protocol));
  });
}
int connect(int fd, const sockaddr* to, socklen_t size) {
  return unless_fault("connect", {ECONNREFUSED, ENETUNREACH, ETIMEDOUT, EADDRNOTAVAIL},
                      [&] { return static_cast<int>(syscall(SYS_connect, fd, to, size)); });
}
int accept4(int fd, sockaddr* from, socklen_t* size, int flags) {
  return unless_fault("accept4", {ECONNABORTED, EMFILE, ENOMEM}, [&] {
    return static_cast<int>(syscall(SYS_accept4, fd, from, size, flags));
  });
}
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  return unless_fault("setsockopt", {ENOMEM}, [&] {
    return static_cast<int>(syscall(SYS_setsockopt, fd, level, name, value, size));
  });
}
int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  return unless_fault("getsockopt", {ENOBUFS}, [&] {
    return static_cast<int>(syscall(SYS_getsockopt, fd, level, name, value, size));
  });
}
int getsockname(int fd, sockaddr* name, socklen_t* size) noexcept {
  return unless_fault("getsockname", {ENOBUFS},
                      [&] { return static_cast<int>(syscall(SYS_getsockname, fd, name, size)); });
}
int getpeername(int fd, sockaddr* name, socklen_t* size) noexcept {
  return unless_fault("getpeername", {ENOTCONN, ENOBUFS},
                      [&] { return static_cast<int>(syscall(SYS_getpeername, fd, name, size)); });
}
int shutdown(int fd, int how) noexcept {
  return unless_fault("shutdown", {ENOTCONN},
                      [&] { return static_cast<int>(syscall(SYS_shutdown, fd, how)); });
}
ssize_t recv(int fd, void* buffer, std::size_t size, int flags) {
  return unless_fault_of(fd, "recv", {ECONNRESET, ENOMEM, ETIMEDOUT, EINTR}, [&] {
    return static_cast<ssize_t>(syscall(SYS_recvfrom, fd, buffer, size, flags, nullptr, nullptr));
  });
}
ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  return unless_fault_of(fd, "send", {EPIPE, ENOBUFS, ECONNRESET, EINTR, ETIMEDOUT}, [&] {
    return static_cast<ssize_t>(syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0));
  });
}
ssize_t recvmsg(int fd, msghdr* m, int flags) {
  return unless_fault_of(fd, "recvmsg", {ECONNRESET, ENOMEM},
                         [&] { return static_cast<ssize_t>(syscall(SYS_recvmsg, fd, m, flags)); });
}
ssize_t sendmsg(int fd, const msghdr* m, int flags) {
  return unless_fault_of(fd, "sendmsg", {EPIPE, ENOBUFS, ECONNRESET},
                         [&] { return static_cast<ssize_t>(syscall(SYS_sendmsg, fd, m, flags)); });
}
ssize_t sendfile(int to, int from, off_t* offset, std::size_t size) noexcept {
  return unless_fault_of(to, "sendfile", {EPIPE, EIO, ECONNRESET, EINTR, ENOMEM}, [&] {
    return static_cast<ssize_t>(syscall(SYS_sendfile, to, from, offset, size));
  });
}
ssize_t preadv2(int fd, const iovec* to, int n, off_t offset, int flags) {
  return unless_fault("preadv2", {EAGAIN, EOPNOTSUPP}, [&] {
    return static_cast<ssize_t>(syscall(SYS_preadv2, fd, to, n, offset, 0, flags));
  });
}
int fstat(int fd, struct stat* s) noexcept {
  return unless_fault("fstat", {ENOMEM},
                      [&] { return static_cast<int>(syscall(SYS_fstat, fd, s)); });
}
int poll(pollfd* fds, nfds_t n, int ms) {
  // Not every architecture has poll(2) as a system call.
  timespec limit{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000L};
  return unless_fault("poll", {ENOMEM, EINTR}, [&] {
    return static_cast<int>(syscall(SYS_ppoll, fds, n, ms < 0 ? nullptr : &limit, nullptr, 0));
  });
}
int eventfd(unsigned count, int flags) noexcept {
  return unless_fault("eventfd", {EMFILE, ENOMEM},
                      [&] { return static_cast<int>(syscall(SYS_eventfd2, count, flags)); });
}
int epoll_create1(int flags) noexcept {
  return unless_fault("epoll_create1", {EMFILE, ENOMEM},
                      [&] { return static_cast<int>(syscall(SYS_epoll_create1, flags)); });
}
int epoll_ctl(int epoll, int what, int fd, epoll_event* e) noexcept {
  return unless_fault("epoll_ctl", {ENOMEM, ENOSPC},
                      [&] { return static_cast<int>(syscall(SYS_epoll_ctl, epoll, what, fd, e)); });
}
int epoll_wait(int epoll, epoll_event* events, int n, int ms) {
  return unless_fault("epoll_wait", {EINTR}, [&] {
    return static_cast<int>(syscall(SYS_epoll_pwait, epoll, events, n, ms, nullptr, 0));
  });
}
int epoll_pwait2(int epoll, epoll_event* events, int n, const timespec* limit,
                 const sigset_t* mask) {
  return unless_fault("epoll_pwait2", {EINTR}, [&] {
    return static_cast<int>(
        syscall(SYS_epoll_pwait2, epoll, events, n, limit, mask, mask ? sizeof(std::uint64_t) : 0));
  });
}

// liburing's give a negative errno.
int io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* p) {
  static const auto next =
      next_of<int (*)(unsigned, io_uring*, io_uring_params*)>("io_uring_queue_init_params");
  if (const int e = fault_of("io_uring_setup", {ENOMEM, EMFILE, EPERM})) return -e;
  return next(entries, ring, p);
}
int io_uring_register_buf_ring(io_uring* ring, io_uring_buf_reg* reg, unsigned flags) {
  static const auto next =
      next_of<int (*)(io_uring*, io_uring_buf_reg*, unsigned)>("io_uring_register_buf_ring");
  if (const int e = fault_of("io_uring_register_buf_ring", {ENOMEM})) return -e;
  return next(ring, reg, flags);
}
int io_uring_register_ring_fd(io_uring* ring) {
  static const auto next = next_of<int (*)(io_uring*)>("io_uring_register_ring_fd");
  if (const int e = fault_of("io_uring_register_ring_fd", {ENOMEM})) return -e;
  return next(ring);
}
int io_uring_submit(io_uring* ring) {
  static const auto next = next_of<int (*)(io_uring*)>("io_uring_submit");
  if (const int e = fault_of("io_uring_enter", {EAGAIN, EBUSY, EINTR})) return -e;
  fault_among_entries(ring);
  return next(ring);
}
int io_uring_submit_and_get_events(io_uring* ring) {
  static const auto next = next_of<int (*)(io_uring*)>("io_uring_submit_and_get_events");
  if (const int e = fault_of("io_uring_enter for events", {EAGAIN, EBUSY, EINTR})) return -e;
  fault_among_entries(ring);
  return next(ring);
}
int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned n,
                                     __kernel_timespec* limit, sigset_t* mask) {
  static const auto next =
      next_of<int (*)(io_uring*, io_uring_cqe**, unsigned, __kernel_timespec*, sigset_t*)>(
          "io_uring_submit_and_wait_timeout");
  if (const int e = fault_of("io_uring_enter to wait", {EINTR, EAGAIN, EBUSY})) return -e;
  fault_among_entries(ring);
  return next(ring, first, n, limit, mask);
}

}  // extern "C"

#endif
